// Package hdf5 reads arrays of whole numbers from HDF5 files, some rows at a time. It reads what h5py writes by default: superblocks
// of version 0 to 3, groups of a symbol table or of compact links, arrays that are contiguous, compact or chunked with a version 1
// B-tree, and the filters deflate, shuffle and Fletcher-32. Other features are named in the error. Sizes and addresses are
// compared with the file's size before memory is taken. The format is that of the "HDF5 File Format Specification", version 3.
package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// File is an open file.
type File struct {
	r     io.ReaderAt
	size  uint64
	links map[string]uint64 // address of the object header, by name in the root group
}

const (
	signature = "\x89HDF\r\n\x1a\n"
	undefined = ^uint64(0) // the address of what does not exist

	maxBlock = 1 << 20 // bytes of metadata that are read at once
	maxLinks = 10_000
)

var errFormat = errors.New("the file is damaged: fetch it again")

// unsupported names a feature that this package does not read.
func unsupported(format string, args ...any) error {
	return fmt.Errorf("%s of HDF5, which is not supported: rewrite the file with h5py's defaults", fmt.Sprintf("it uses "+format, args...))
}

// Open reads the superblock and the links of the root group.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, size: uint64(size), links: map[string]uint64{}}
	head := make([]byte, min(size, 128))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if !strings.HasPrefix(string(head), signature) {
		if f.userBlock() {
			return nil, unsupported("a user block")
		}
		return nil, fmt.Errorf("it is no HDF5 file: it begins with %.12q", head[:min(len(head), 12)])
	}
	if len(head) < 96 {
		return nil, fmt.Errorf("%d bytes are too few for an HDF5 file: it is cut off", len(head))
	}
	root, err := f.superblock(head)
	if err != nil {
		return nil, err
	}
	return f, f.readGroup(root)
}

// userBlock reports whether the file begins with a user block, as files of MATLAB 7.3 do. The block's size is 512 bytes times a
// power of two.
func (f *File) userBlock() bool {
	begin := make([]byte, len(signature))
	for at := uint64(512); at+uint64(len(begin)) <= f.size; at *= 2 {
		if n, _ := f.r.ReadAt(begin, int64(at)); n == len(begin) && string(begin) == signature {
			return true
		}
	}
	return false
}

// superblock returns the address of the root group's object header.
func (f *File) superblock(head []byte) (root uint64, err error) {
	u64 := binary.LittleEndian.Uint64
	version := head[8]
	sizes, base, end := head[13:15], uint64(0), uint64(0)
	switch version {
	case 0, 1:
		at := 24
		if version == 1 {
			at = 28
		}
		base, end, root = u64(head[at:]), u64(head[at+16:]), u64(head[at+40:])
	case 2, 3:
		sizes = head[9:11]
		base, end, root = u64(head[12:]), u64(head[28:]), u64(head[36:])
	default:
		return 0, unsupported("a superblock of version %d", version)
	}
	switch {
	case sizes[0] != 8 || sizes[1] != 8:
		return 0, unsupported("addresses of %d and lengths of %d bytes", sizes[0], sizes[1])
	case base != 0:
		return 0, unsupported("a user block")
	case end > f.size:
		return 0, fmt.Errorf("it has %d bytes of %d: it is cut off, fetch it again", f.size, end)
	}
	return root, nil
}

// block reads metadata.
func (f *File) block(address, n uint64) ([]byte, error) {
	if n > maxBlock {
		return nil, fmt.Errorf("a block of %d bytes at %d is larger than any that is needed: %w", n, address, errFormat)
	}
	if address > f.size || n > f.size-address {
		return nil, fmt.Errorf("a block of %d bytes at %d lies outside the file's %d bytes: %w", n, address, f.size, errFormat)
	}
	b := make([]byte, n)
	if got, err := f.r.ReadAt(b, int64(address)); got < len(b) {
		return nil, err
	}
	return b, nil
}

// signed reads a block that begins with a signature.
func (f *File) signed(address, n uint64, want string) ([]byte, error) {
	b, err := f.block(address, n)
	if err == nil && string(b[:4]) != want {
		err = fmt.Errorf("at %d is %q, want %q: %w", address, b[:4], want, errFormat)
	}
	return b, err
}

// Dataset opens an array of the root group.
func (f *File) Dataset(name string) (*Dataset, error) {
	address, ok := f.links[name]
	if !ok {
		return nil, fmt.Errorf("it has no array %q, only %.200q", name, slices.Sorted(maps.Keys(f.links)))
	}
	messages, err := f.header(address)
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	d := &Dataset{file: f}
	if err := d.describe(messages); err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	return d, nil
}
