package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"dtl-tf/runner/internal/files"
)

// folder visits the files of a folder by name, following links.
func (w *walker) folder() error {
	return files.Below(w.Path, func(f files.File) error {
		if f.Info == nil {
			return fmt.Errorf("%s is a link that leads nowhere: mend or remove it", f.Path)
		}
		if skip, err := w.check(f.Name, f.Info.Mode()); err != nil || skip {
			return err
		}
		r := &lazy{ctx: w.ctx, path: f.Path}
		defer r.close()
		if err := w.visit(Entry{f.Name, f.Info.Size(), f.Path}, r); err != nil {
			return w.fail(f.Name, err)
		}
		return nil
	})
}

// lazy opens a file at the first read, to list folders without opening files.
type lazy struct {
	ctx  context.Context
	path string
	f    *os.File
}

func (l *lazy) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if l.f == nil {
		f, err := os.Open(l.path)
		if err != nil {
			return 0, err
		}
		l.f = f
	}
	return l.f.Read(p)
}

func (l *lazy) close() {
	if l.f != nil {
		l.f.Close()
	}
}

// reader stops when the context is cancelled, and explains errors.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

// exact fails when an entry has more bytes than it claims.
type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if e.left -= int64(n); e.left < 0 {
		return 0, errors.New("it holds more bytes than it claims")
	}
	return n, err
}

var (
	errCutOff  = errors.New("the archive is cut off: fetch it again")
	errDamaged = errors.New("the archive is damaged, or of another kind than its name says: fetch it again")
)

// damaged explains an error of compress/gzip, archive/tar or archive/zip.
func damaged(err error) error {
	switch {
	case errors.Is(err, errCutOff), errors.Is(err, errDamaged), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", errCutOff, err)
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}
