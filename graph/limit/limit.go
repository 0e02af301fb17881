// Package limit opens and reads files that come from strangers. What is no regular file is refused before it is opened, because opening a
// pipe waits for its writer. A file that claims terabytes, as a sparse one can, is refused before memory is taken for it.
package limit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Text is the most bytes of a file of settings or results, far above any that a program writes.
const Text = 64 << 20

// Open is os.Open for a regular file, or a link to one. The error names the file.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// A pipe that takes the file's place in between is opened without waiting.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(info)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// OpenFS is Open in a file system.
func OpenFS(dir fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return nil, err
	}
	if err := regular(info); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return dir.Open(name)
}

// ReadFile is os.ReadFile for a regular file of at most the given number of bytes. The error names the file.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(path, f, most)
}

// ReadFS is ReadFile in a file system.
func ReadFS(dir fs.FS, name string, most int64) ([]byte, error) {
	f, err := OpenFS(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(name, f, most)
}

// readAll reads an open file. Its size is a hint: it may grow meanwhile, and files of /proc say 0.
func readAll(name string, f fs.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s: %d bytes are more than the limit of %d for a file of this kind", name, info.Size(), most)
	}
	var b bytes.Buffer
	b.Grow(int(max(info.Size(), 0)) + bytes.MinRead) // with which ReadFrom needs no more
	n, err := b.ReadFrom(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if n > most {
		return nil, fmt.Errorf("%s: it has more bytes than the limit of %d for a file of this kind", name, most)
	}
	return b.Bytes(), nil
}

func regular(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("is a folder, not a file")
	case !info.Mode().IsRegular():
		return errors.New("is not a regular file")
	}
	return nil
}
