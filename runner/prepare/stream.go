package prepare

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/prepare/archive"
)

// stream reads a file, and unpacks it if it is gzipped. It stops when its context ends. Errors say what is wrong with the file, but
// not its name.
type stream struct {
	ctx  context.Context
	file *os.File
	r    io.Reader
	read int64 // bytes of the file, packed

	zipped bool
}

// openStream opens a file whatever its name says about gzip.
func openStream(ctx context.Context, path string) (*stream, error) {
	f, err := limit.Open(path)
	if err != nil {
		return nil, err
	}
	s := &stream{ctx: ctx, file: f}
	b := bufio.NewReaderSize(counted{s}, 1<<16)
	s.r = b
	if head, _ := b.Peek(2); string(head) == "\x1f\x8b" {
		s.zipped = true
		if s.r, err = archive.Gunzip(b); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", path, gzipError(err))
		}
	}
	return s, nil
}

func (s *stream) Close() error { return s.file.Close() }

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		err = gzipError(err)
	}
	return n, err
}

// counted reads the packed bytes.
type counted struct{ *stream }

func (c counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.file.Read(p)
	c.read += int64(n)
	return n, err
}

func gzipError(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the gzip file is cut off: fetch it again")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, &corrupt):
		return fmt.Errorf("the gzip file is damaged: fetch it again: %w", err)
	}
	return err
}

// ended reads to the end, which compares gzip's checksum, and rejects further bytes.
func (s *stream) ended() error {
	n, err := io.Copy(io.Discard, io.LimitReader(s, 1))
	if err == nil && n > 0 {
		err = errors.New("data follow the last record: it is another file than its name says")
	}
	return err
}
