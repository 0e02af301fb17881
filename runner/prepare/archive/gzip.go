package archive

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
)

// Gunzip unpacks gzip, all members of it. Like gzip and Python, it skips zeros after a member: tapes and some
// programs fill the last block of a file with them. compress/gzip reports such a file as damaged.
func Gunzip(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 1<<16) // an io.ByteReader, so gzip.Reader reads nothing beyond a member's end
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &members{in: in, z: z}, nil
}

type members struct {
	in *bufio.Reader
	z  *gzip.Reader
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.z.Read(p)
		if n > 0 && err == io.EOF {
			return n, nil // the next call finds the end again
		}
		if err != io.EOF {
			return n, err
		}
		if err := m.next(); err != nil {
			return 0, err
		}
	}
}

// next begins the member after this one. It returns io.EOF after the last.
func (m *members) next() error {
	for {
		b, err := m.in.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			break
		}
	}
	if err := m.in.UnreadByte(); err != nil {
		return err
	}
	err := m.z.Reset(m.in)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	m.z.Multistream(false)
	return err
}
