package data

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
)

// exifOfPNG returns the content of the chunk eXIf, which may follow the pixels, or else the profile of ImageMagick in a text, or nil.
func exifOfPNG(f io.ReaderAt) (profile []byte) {
	const maxChunks, maxBytes = 100_000, 1 << 16
	at := int64(len(magicPNG))
	for range maxChunks {
		var head [8]byte
		if _, err := f.ReadAt(head[:], at); err != nil {
			break
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		switch name := string(head[4:]); name {
		case "eXIf", "tEXt", "zTXt":
			content, _ := io.ReadAll(io.NewSectionReader(f, at+8, min(length, maxBytes)))
			if name == "eXIf" {
				return content
			}
			if p := rawProfile(content, name == "zTXt"); p != nil {
				profile = p
			}
		}
		at += 8 + length + 4
	}
	return profile
}

// rawProfile returns the EXIF block that ImageMagick stores as a text of a PNG, nil for another text: a line break, a line "exif", a line
// with the length, and the bytes in hexadecimal, in lines. Of a long one it returns the beginning, where the orientation is.
func rawProfile(content []byte, packed bool) []byte {
	const maxText = 1 << 18
	text, ok := bytes.CutPrefix(content, []byte("Raw profile type exif\x00"))
	if !ok || len(text) == 0 {
		return nil
	}
	if packed {
		z, err := zlib.NewReader(bytes.NewReader(text[1:])) // after the method, which is always 0
		if err != nil {
			return nil
		}
		text, _ = io.ReadAll(io.LimitReader(z, maxText))
	}
	const headLines = 3
	lines := bytes.SplitN(text, []byte("\n"), headLines+1)
	if len(lines) <= headLines {
		return nil
	}
	digits := bytes.ReplaceAll(lines[headLines], []byte("\n"), nil)
	profile := make([]byte, len(digits)/2)
	n, _ := hex.Decode(profile, digits[:2*len(profile)])
	return profile[:n]
}
