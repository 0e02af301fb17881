package prepare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/report"
)

// unpacked is a file that can be read at any place. If it is gzipped, its content lies in a temporary file without a name, of which
// nothing is left even if the process is killed.
type unpacked struct {
	*os.File
	size int64
}

// openUnpacked opens a file, after unpacking it if it is gzipped, to at most most bytes in the folder scratch. head is what the content
// begins with.
func openUnpacked(ctx context.Context, c Config, path, head string, most int64) (*unpacked, error) {
	s, err := openStream(ctx, path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if !s.zipped {
		f, err := limit.Open(path)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		return &unpacked{f, info.Size()}, nil
	}
	begin := make([]byte, len(head))
	if _, err := io.ReadFull(s, begin); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if string(begin) != head {
		return nil, fmt.Errorf("%s: its content begins with %q, want %q: it is another file than its name says", path, begin, head)
	}
	f, err := os.CreateTemp(c.scratch, "unpacked-")
	if err != nil {
		return nil, err
	}
	u := &unpacked{File: f}
	if err = os.Remove(f.Name()); err == nil {
		_, err = f.WriteString(head)
	}
	if err == nil {
		u.size, err = u.fill(c, s, most-int64(len(head)))
		u.size += int64(len(head))
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: unpacking takes up to %s in %s until its images are written", err, report.Bytes(most), c.scratch)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return u, nil
}

// fill copies the stream to its end, which compares gzip's checksum.
func (u *unpacked) fill(c Config, s *stream, most int64) (n int64, err error) {
	info, err := s.file.Stat()
	if err != nil {
		return 0, err
	}
	show := func(string, int64) {}
	if c.unpacks != nil {
		show = c.unpacks(info.Size())
	}
	name := "unpacking " + filepath.Base(s.file.Name())
	const step = 8 << 20
	for {
		k, err := io.CopyN(u.File, s, min(step, most-n+1))
		n += k
		show(name, s.read)
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		case n > most:
			return n, fmt.Errorf("it unpacks to more than %d bytes: it is another file than its name says", most)
		}
	}
}
