// Package archive walks through the files of a folder, .tar, .tar.gz or .zip without unpacking it. It rejects what an archive of
// images does not need: names that leave the archive, links, two files of one name, and files that unpack to absurd sizes.
package archive

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"

	"dtl-tf/runner/internal/files"
)

// Limits against decompression bombs. An archive may unpack to freeSize + maxRatio times its own size. CIFAR's ratio is 1:1.1,
// that of dSprites 1:115; deflate can reach 1:1032.
const (
	maxEntries = 5_000_000
	maxRatio   = 200
	freeSize   = 1 << 30
)

// The kinds of containers.
const (
	Folder = "folder"
	Tar    = "tar"
	TarGz  = "tar.gz"
	Zip    = "zip"
)

// Entry is one regular file.
type Entry struct {
	Name string // with slashes, relative
	Size int64  // bytes, unpacked
	Path string // on disk; "" in an archive
}

// Archive is a folder or an archive file. It keeps no file open.
type Archive struct {
	Path string
	Kind string // Folder, Tar, TarGz or Zip
	size int64
	more []string // the files that follow Path, if a zip is cut into parts
}

// Open detects the kind of an archive by its first bytes.
func Open(file string) (*Archive, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	a := &Archive{Path: file, Kind: Folder, size: info.Size()}
	if info.IsDir() {
		return a, nil
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is neither a folder nor a regular file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, tarBlock)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	switch text := string(head); {
	case n == 0:
		return nil, fmt.Errorf("%s is empty", file)
	case strings.HasPrefix(text, "\x1f\x8b"):
		a.Kind = TarGz
	case strings.HasPrefix(text, "PK\x03\x04"), strings.HasPrefix(text, "PK\x05\x06"):
		a.Kind = Zip
	case isTar(head):
		a.Kind = Tar
	case strings.HasPrefix(text, "PK\x07\x08"), endsSplit(f, a.size):
		return nil, fmt.Errorf("%s is a part of a split zip, which is not read in parts: join them with 'zip -s 0 NAME.zip --out WHOLE.zip'", file)
	case strings.HasPrefix(text, "Rar!"):
		return nil, fmt.Errorf("%s is a RAR archive, which is not read: unpack it and give the folder", file)
	case strings.HasPrefix(text, "\x89HDF"):
		return nil, fmt.Errorf("%s is an HDF5 file, which is not read", file)
	default:
		return nil, fmt.Errorf("%s is neither a folder nor an archive of a known kind (.tar, .tar.gz, .zip, .npz)", file)
	}
	return a, nil
}

// OpenParts opens a zip that is cut into files, in order.
func OpenParts(files []string) (*Archive, error) {
	a, err := Open(files[0])
	if err != nil {
		return nil, err
	}
	if a.Kind != Zip {
		return nil, fmt.Errorf("%s is a %s, not the first part of a zip", files[0], a.Kind)
	}
	a.more = files[1:]
	for _, file := range a.more {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", file)
		}
		a.size += info.Size()
	}
	return a, nil
}

// Walk calls visit for every regular file, in the order of the archive or by name in a folder, except for hidden ones (see
// [files.Hidden]). visit may leave the reader unread and must not keep it. Errors name the archive and the entry. A cancelled
// context ends the walk with its error.
func (a *Archive) Walk(ctx context.Context, visit func(Entry, io.Reader) error) error {
	return a.walk(ctx, visit, func(w *walker) error { return w.file() })
}

// WalkTar is Walk for a .tar or .tar.gz that comes as a stream of size bytes, such as an archive in an archive. name is its path in
// errors.
func WalkTar(ctx context.Context, name string, size int64, stream io.Reader, visit func(Entry, io.Reader) error) error {
	a := &Archive{Path: name, size: size}
	return a.walk(ctx, visit, func(w *walker) error {
		head := bufio.NewReader(stream)
		a.Kind = Tar
		if magic, _ := head.Peek(2); string(magic) == "\x1f\x8b" {
			a.Kind = TarGz
		}
		return w.tar(head)
	})
}

func (a *Archive) walk(ctx context.Context, visit func(Entry, io.Reader) error, through func(*walker) error) error {
	err := through(&walker{Archive: a, ctx: ctx, visit: visit, seen: map[digest]bool{}, left: budget(a.size)})
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// file walks through Path.
func (w *walker) file() error {
	switch w.Kind {
	case Folder:
		return w.folder()
	case Zip:
		return w.zip()
	}
	f, err := os.Open(w.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	return w.tar(f)
}

// budget returns how many bytes an archive of a size may unpack to. A sparse file can have almost 2^63.
func budget(size int64) uint64 {
	if size > (math.MaxInt64-freeSize)/maxRatio {
		return math.MaxInt64
	}
	return uint64(freeSize + maxRatio*size)
}

// digest stands for a name where those of all files of an archive are kept, which for SUN397 takes a third of the memory of the names.
type digest [md5.Size]byte

type walker struct {
	*Archive
	ctx   context.Context
	visit func(Entry, io.Reader) error
	seen  map[digest]bool // by clean name
	left  uint64          // bytes that may still be unpacked, below 2^63
}

// check rejects an entry or decides to skip it.
func (w *walker) check(name string, mode fs.FileMode) (skip bool, err error) {
	if err := w.ctx.Err(); err != nil {
		return false, err
	}
	clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
	switch {
	case path.IsAbs(clean) || !filepath.IsLocal(clean) || len(clean) > 1 && clean[1] == ':':
		return false, w.fail(name, errors.New("its name leaves the archive: the archive is not to be trusted"))
	case strings.ContainsAny(name, "\x00\n\r"):
		return false, w.fail(name, errors.New("its name holds a control character"))
	case mode.IsDir():
		return true, nil
	}
	for part := range strings.SplitSeq(clean, "/") {
		if part != "." && files.Hidden(part) {
			return true, nil
		}
	}
	switch {
	case mode&fs.ModeSymlink != 0:
		return false, w.fail(name, errors.New("it is a link, which is not followed: pack the file itself"))
	case !mode.IsRegular():
		return false, w.fail(name, errors.New("it is neither a file nor a folder"))
	case w.seen[md5.Sum([]byte(clean))]:
		return false, w.fail(name, errors.New("the name is there twice"))
	case len(w.seen) == maxEntries:
		return false, fmt.Errorf("%s holds more than %d files", w.Path, maxEntries)
	}
	w.seen[md5.Sum([]byte(clean))] = true
	return false, nil
}

func (w *walker) fail(entry string, err error) error {
	return fmt.Errorf("%s, entry %.200q: %w", w.Path, entry, err)
}

// take subtracts the bytes that an entry claims, before any of it is read.
func (w *walker) take(name string, size uint64) error {
	if size > w.left { // w.left - size would overflow
		return w.fail(name, fmt.Errorf("the archive of %d bytes unpacks to more than %d times its size: it is not to be trusted", w.size, maxRatio))
	}
	w.left -= size
	return nil
}

// call visits a file. It reads no more than the entry claims.
func (w *walker) call(name string, size int64, r io.Reader) error {
	limited := &reader{ctx: w.ctx, r: &exact{r: r, left: size}}
	entry := Entry{Name: path.Clean(strings.ReplaceAll(name, `\`, "/")), Size: size}
	if err := w.visit(entry, limited); err != nil {
		return w.fail(name, err)
	}
	return nil
}

func (w *walker) tar(f io.Reader) error {
	stream := f
	if w.Kind == TarGz {
		zipped, err := Gunzip(&reader{ctx: w.ctx, r: f})
		if err != nil {
			return fmt.Errorf("%s: %w", w.Path, damaged(err))
		}
		stream = zipped
	}
	stream = &reader{ctx: w.ctx, r: stream}
	t := tar.NewReader(stream)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: after %d files: %w", w.Path, len(w.seen), damaged(err))
		}
		if h.Size < 0 {
			return w.fail(h.Name, errors.New("it claims a negative size: the archive is not to be trusted"))
		}
		if err := w.take(h.Name, uint64(h.Size)); err != nil { // skipped entries are unpacked too
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // describes the other entries, as in archives of git, and is not a file
			continue
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag == tar.TypeLink {
			mode |= fs.ModeSymlink
		}
		if skip, err := w.check(h.Name, mode); err != nil {
			return err
		} else if skip {
			continue
		}
		if err := w.call(h.Name, h.Size, t); err != nil {
			return err
		}
	}
	// Reading to the end compares gzip's checksum. After a tar follow only zeros.
	if n, err := io.Copy(io.Discard, io.LimitReader(stream, freeSize)); err != nil {
		return fmt.Errorf("%s: %w", w.Path, damaged(err))
	} else if n == freeSize {
		return fmt.Errorf("%s has more data long after its last file: it is not to be trusted", w.Path)
	}
	return nil
}
