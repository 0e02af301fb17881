// Package limit opens and reads untrusted files. It opens only regular files, because opening a pipe waits for a writer, and it
// refuses files above a limit, such as sparse ones of terabytes, before it allocates memory for them.
package limit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Text is a limit in bytes for files of settings or results, far above the size of any real one.
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
	// O_NONBLOCK: if a pipe has replaced the file meanwhile, opening it does not wait.
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

// OpenFS is Open within dir.
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

// ReadFile is os.ReadFile for a regular file of at most maxBytes bytes. The error names the file.
func ReadFile(path string, maxBytes int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(path, f, maxBytes)
}

// ReadFS is ReadFile within dir.
func ReadFS(dir fs.FS, name string, maxBytes int64) ([]byte, error) {
	f, err := OpenFS(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(name, f, maxBytes)
}

// readAll reads an open file. The size it reports is a hint only: the file may grow, and files in /proc report 0.
func readAll(name string, f fs.File, maxBytes int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxBytes {
		return nil, fmt.Errorf("%s: %d bytes are more than the limit of %d for a file of this kind", name, info.Size(), maxBytes)
	}
	var b bytes.Buffer
	b.Grow(int(max(info.Size(), 0)) + bytes.MinRead) // enough for ReadFrom not to reallocate
	n, err := b.ReadFrom(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if n > maxBytes {
		return nil, fmt.Errorf("%s: it has more bytes than the limit of %d for a file of this kind", name, maxBytes)
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

// chunk is the number of bytes that Copy reads at a time.
const chunk = 1 << 20

// Copy copies a regular file into w, usually a hash, and returns how many bytes it copied. When ctx ends it stops and
// returns ctx's error. Other errors name the file.
func Copy(ctx context.Context, w io.Writer, path string) (int64, error) {
	f, err := Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return io.CopyBuffer(w, Reader(ctx, f), make([]byte, chunk))
}

// Reader reads from r until ctx ends, and fails with ctx's error from then on.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
