package archive

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

func (w *walker) zip() error {
	content, err := openJoined(append([]string{w.Path}, w.more...))
	if err != nil {
		return err
	}
	defer content.Close()
	z, err := zip.NewReader(content, content.size)
	if err != nil {
		return fmt.Errorf("%s: %w (is it complete?)", w.Path, err)
	}
	for _, f := range z.File {
		if err := w.member(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) member(f *zip.File) error {
	mode := f.Mode()
	if strings.HasSuffix(f.Name, "/") {
		mode |= fs.ModeDir
	}
	if skip, err := w.check(f.Name, mode); err != nil || skip {
		return err
	}
	if err := w.take(f.Name, f.UncompressedSize64); err != nil {
		return err
	}
	if err := readable(f); err != nil {
		return w.fail(f.Name, err)
	}
	r, err := f.Open()
	if err != nil {
		return w.fail(f.Name, err)
	}
	defer r.Close()
	return w.call(f.Name, int64(f.UncompressedSize64), r)
}

// zipMethods names ways of packing that are not read (APPNOTE.TXT of PKWARE, section 4.4.5).
var zipMethods = map[uint16]string{9: "Deflate64, which Windows uses for large files", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}

// readable explains why a member can't be unpacked.
func readable(f *zip.File) error {
	const encrypted = 1
	switch {
	case f.Flags&encrypted != 0:
		return errors.New("it is encrypted: unpack the archive with its password and give the folder")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		name := zipMethods[f.Method]
		if name == "" {
			name = "unknown"
		}
		return fmt.Errorf("it is packed with zip's method %d (%s), which is not read: unpack the archive and give the folder", f.Method, name)
	}
	return nil
}

// endsSplit reports whether a file ends as the last part of a split zip: with a directory whose disk has another number than 0.
func endsSplit(f io.ReaderAt, size int64) bool {
	const record = 22 // bytes, without a comment
	end := make([]byte, record)
	if _, err := f.ReadAt(end, size-record); size < record || err != nil {
		return false
	}
	return string(end[:4]) == "PK\x05\x06" && binary.LittleEndian.Uint16(end[4:]) > 0
}
