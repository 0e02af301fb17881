package weight

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"dtl-tf/graph/tensor"
)

// OpenDeferred is OpenContext that leaves the elements of large tensors of floats in the file (see tensor.Deferred). It reads the whole file once,
// and finds the same damage. The file stays open as long as its tensors are in use, and must not change: reading an element then fails.
func OpenDeferred(ctx context.Context, path string) (*File, error) {
	if IsIndex(path) {
		return openShards(path, func(shard string) (*File, error) { return openFile(ctx, shard, true) })
	}
	return openFile(ctx, path, true)
}

// deferredElements is the number of elements from which a tensor is deferred. Biases, norms and tables are smaller: there are many, which
// take little memory, and some of their values say what a network computes.
const deferredElements = 1 << 16

// source is an open file.
type source struct {
	*os.File
	path     string
	deferred bool // whether large tensors stay in the file
	size     int64
	changed  time.Time
}

func newSource(f *os.File, path string, deferred bool) (source, error) {
	info, err := f.Stat()
	if err != nil {
		return source{}, err
	}
	return source{f, path, deferred, info.Size(), info.ModTime()}, nil
}

// data reads n elements from r, which open opens from a given element on, or defers them. first is that of decoder.
func (s source) data(name string, k kind, r io.Reader, n, first int, buf []byte, open func(at int) (io.Reader, error)) (any, error) {
	if !s.deferred || k.floats == nil || n < deferredElements {
		return k.decode(r, n, first, buf)
	}
	l := &inFile{source: s, name: name, kind: k, open: open, bad: -1}
	at := 0
	err := k.each(r, n, buf, func(part []float32) {
		if bad := tensor.Must(part, len(part)).FirstNonFinite(); bad >= 0 && l.bad < 0 {
			l.bad = at + bad
		}
		at += len(part)
	})
	return l, err
}

// each reads n floats from r through buf, and calls use with some of them at a time.
func (k kind) each(r io.Reader, n int, buf []byte, use func(part []float32)) error {
	part := floats.Get().(*[]float32)
	defer floats.Put(part)
	for n > 0 {
		some := min(n, len(buf)/k.size, len(*part))
		src := buf[:some*k.size]
		if _, err := io.ReadFull(r, src); err != nil {
			return fmt.Errorf("its data cannot be read, the file is damaged: %w", noEOF(err))
		}
		k.floats((*part)[:some], src)
		use((*part)[:some])
		n -= some
	}
	return nil
}

var (
	floats  = sync.Pool{New: func() any { part := make([]float32, bufferSize/4); return &part }}
	buffers = sync.Pool{New: func() any { buf := make([]byte, bufferSize); return &buf }}
)

// inFile is the elements of a tensor that stay in a file. It implements tensor.Deferred.
type inFile struct {
	source
	name string
	kind kind
	open func(at int) (io.Reader, error)
	bad  int // index of the first element that is NaN or infinite, or -1
}

var errChanged = errors.New("the file has changed since it was opened: leave it alone while it is read")

func (l *inFile) Read(at int, to []float32) error {
	if err := l.read(at, to); err != nil {
		return fmt.Errorf("%s: tensor %.200q: %w", l.path, l.name, err)
	}
	return nil
}

func (l *inFile) read(at int, to []float32) error {
	info, err := l.Stat()
	if err != nil {
		return err
	}
	if info.Size() != l.size || !info.ModTime().Equal(l.changed) {
		return errChanged
	}
	r, err := l.open(at)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for len(to) > 0 {
		some := min(len(to), len(*buf)/l.kind.size)
		src := (*buf)[:some*l.kind.size]
		if _, err := io.ReadFull(r, src); err != nil {
			return fmt.Errorf("its data cannot be read: %w", noEOF(err))
		}
		l.kind.floats(to[:some], src)
		to = to[some:]
	}
	return nil
}

// openMember opens the data of an array from an element on. header is the number of bytes before the data.
func openMember(f *zip.File, header, size, at int) (io.Reader, error) {
	r, err := unpack(f)
	if err != nil {
		return nil, err
	}
	skip := int64(header) + int64(at)*int64(size)
	if s, ok := r.(io.Seeker); ok {
		_, err = s.Seek(skip, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, r, skip)
	}
	return r, noEOF(err)
}
