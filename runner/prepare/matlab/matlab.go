// Package matlab reads the numeric arrays of MATLAB's version 5 files (.mat, also those that MATLAB calls version 6 and 7), variable
// by variable, without holding an array in memory. The format is described in MathWorks' "MAT-File Format".
package matlab

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Types of elements.
const (
	miINT8       = 1
	miUINT8      = 2
	miINT16      = 3
	miUINT16     = 4
	miINT32      = 5
	miUINT32     = 6
	miSINGLE     = 7
	miDOUBLE     = 9
	miINT64      = 12
	miUINT64     = 13
	miMATRIX     = 14
	miCOMPRESSED = 15
)

// widths has the bytes of a value by type.
var widths = map[uint32]int64{miINT8: 1, miUINT8: 1, miINT16: 2, miUINT16: 2, miINT32: 4, miUINT32: 4, miSINGLE: 4, miDOUBLE: 8, miINT64: 8, miUINT64: 8}

// classes are the names of array classes; those from 6 are numeric.
var classes = []string{"", "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32",
	"int64", "uint64", "function", "opaque"}

const (
	firstNumeric, lastNumeric = 6, 15

	headerBytes = 128
	magic       = "MATLAB 5"
	maxDims     = 32
	maxName     = 1024
	maxValues   = 1 << 40
)

var (
	errCutOff = errors.New("the file is cut off: fetch it again")
	errFormat = errors.New("the file is damaged: fetch it again")
)

// cutOff explains an end of file where more was expected.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutOff
	}
	return err
}

// Walk calls visit for every variable of a file, in order. visit may leave the values unread and must not keep the array. A compressed
// array whose values were all read is checked against its checksum.
func Walk(r io.Reader, visit func(*Array) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	bytes, err := checkHeader(in)
	if err != nil {
		return err
	}
	for {
		t, err := readTag(in, bytes)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return cutOff(err)
		}
		body := &io.LimitedReader{R: in, N: t.bytes}
		switch t.kind {
		case miMATRIX:
			err = visitMatrix(body, bytes, visit)
		case miCOMPRESSED:
			err = visitCompressed(body, bytes, visit)
		}
		if err != nil {
			return err
		}
		rest := body.N
		if t.kind != miCOMPRESSED {
			rest += -t.bytes & 7 // elements are padded to 8 bytes, compressed ones are not
		}
		body.N = rest
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
		if body.N > 0 {
			return errCutOff
		}
	}
}

// checkHeader reads the header and returns the byte order.
func checkHeader(in *bufio.Reader) (binary.ByteOrder, error) {
	head := make([]byte, headerBytes)
	n, err := io.ReadFull(in, head)
	switch text := string(head[:n]); {
	case strings.HasPrefix(text, "MATLAB 7"), strings.HasPrefix(text, "\x89HDF"): // version 7 is marked as 5
		return nil, errors.New("it is a MATLAB 7.3 file, want version 5: in MATLAB, save it with -v7")
	case !strings.HasPrefix(text, magic[:min(n, len(magic))]):
		return nil, fmt.Errorf("it is no MATLAB file of version 5: it begins with %.20q", text)
	case err != nil:
		return nil, fmt.Errorf("%d bytes are too few for a MATLAB file: %w", n, cutOff(err))
	}
	var order binary.ByteOrder
	switch mark := string(head[126:]); mark {
	case "IM":
		order = binary.LittleEndian
	case "MI":
		order = binary.BigEndian
	default:
		return nil, fmt.Errorf("its byte order is marked %q, want IM or MI: %w", mark, errFormat)
	}
	if version := order.Uint16(head[124:]); version != 0x0100 {
		return nil, fmt.Errorf("its version is %#04x, want 0x0100 (version 5)", version)
	}
	return order, nil
}

// tag begins an element.
type tag struct {
	kind  uint32
	bytes int64
	small []byte // the data of a small element, which lie in its tag
}

// readTag returns io.EOF at the end of the stream, and only there.
func readTag(r io.Reader, order binary.ByteOrder) (t tag, err error) {
	var raw [8]byte
	if _, err := io.ReadFull(r, raw[:]); err != nil {
		return t, err
	}
	t.kind, t.bytes = order.Uint32(raw[:]), int64(order.Uint32(raw[4:]))
	if n := t.kind >> 16; n != 0 {
		if n > 4 {
			return t, fmt.Errorf("a small element claims %d bytes, at most 4 are possible: %w", n, errFormat)
		}
		t.kind, t.bytes, t.small = t.kind&0xffff, int64(n), raw[4:4+n]
	}
	return t, nil
}

// visitCompressed passes the array in a zlib stream.
func visitCompressed(body *io.LimitedReader, order binary.ByteOrder, visit func(*Array) error) error {
	z, err := zlib.NewReader(body)
	if err != nil {
		return damaged(err)
	}
	defer z.Close()
	stream := &explained{z}
	t, err := readTag(stream, order)
	if err != nil {
		return cutOff(err)
	}
	if t.kind != miMATRIX {
		return nil // not a variable
	}
	read := false
	inner := &io.LimitedReader{R: stream, N: t.bytes}
	err = visitMatrix(inner, order, func(a *Array) error {
		err := visit(a)
		read = a.left == 0
		return err
	})
	if err != nil || !read {
		return err
	}
	// Reading to the end compares the checksum.
	if n, err := io.Copy(io.Discard, io.LimitReader(stream, inner.N+8)); err != nil {
		return err
	} else if n > inner.N+7 {
		return fmt.Errorf("more data follow an array than it claims: %w", errFormat)
	}
	_, err = stream.Read(make([]byte, 1))
	if err == io.EOF {
		err = nil
	}
	return err
}

// explained explains errors of a zlib stream.
type explained struct{ r io.Reader }

func (e *explained) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

func damaged(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errCutOff
	}
	return fmt.Errorf("%w: %w", errFormat, err)
}

// visitMatrix reads the head of an array and passes it.
func visitMatrix(body *io.LimitedReader, order binary.ByteOrder, visit func(*Array) error) error {
	if body.N == 0 {
		return nil // an empty array has no content at all
	}
	a := &Array{order: order, body: body}
	flags, err := a.element("flags", miUINT32, 8)
	if err != nil {
		return err
	}
	if len(flags) != 8 {
		return fmt.Errorf("an array has flags of %d bytes, want 8: %w", len(flags), errFormat)
	}
	word := order.Uint32(flags)
	class := int(word & 0xff)
	if class == 0 || class >= len(classes) {
		return fmt.Errorf("an array is of the unknown class %d: %w", class, errFormat)
	}
	a.Class, a.numeric, a.complex = classes[class], class >= firstNumeric && class <= lastNumeric, word&0x800 != 0
	if a.Class == "opaque" { // it has neither dimensions nor a name here
		return nil
	}
	dims, err := a.element("dimensions", miINT32, 4*maxDims)
	if err != nil {
		return err
	}
	values := int64(1)
	for ; len(dims) >= 4; dims = dims[4:] {
		n := int64(int32(order.Uint32(dims)))
		if n < 0 || n > 0 && values > maxValues/n {
			return fmt.Errorf("an array claims dimensions beyond any data set: %w", errFormat)
		}
		values *= n
		a.Shape = append(a.Shape, int(n))
	}
	name, err := a.element("name", miINT8, maxName)
	if err != nil {
		return err
	}
	a.Name = string(name)
	if a.numeric {
		if err := a.open(values); err != nil {
			return fmt.Errorf("variable %q: %w", a.Name, err)
		}
	}
	if err := visit(a); err != nil {
		return fmt.Errorf("variable %.80q: %w", a.Name, err)
	}
	return nil
}

// whole converts a number to an int if it is one.
func whole(v float64) (int, error) {
	if v != math.Trunc(v) || math.Abs(v) > 1<<52 {
		return 0, fmt.Errorf("%g is not a whole number", v)
	}
	return int(v), nil
}
