// Package norb reads the matrices in which NORB and smallNORB (LeCun, Huang and Bottou 2004) are published: a magic number that
// tells the type of the values, the number of dimensions, the dimensions, and the values in C order, all little-endian. At least
// three dimensions are stored; spare ones are 1. The files are called .mat, but are not MATLAB's.
package norb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Types of values.
const (
	Int32 = 0x1E3D4C54
	Uint8 = 0x1E3D4C55
)

// others are types that data sets of images do not use.
var others = map[uint32]string{0x1E3D4C51: "float32", 0x1E3D4C52: "a packed matrix", 0x1E3D4C53: "float64", 0x1E3D4C56: "int16"}

const (
	maxDims   = 8
	maxValues = 1 << 40
)

var errCutOff = errors.New("the file is cut off: fetch it again")

// Header describes a matrix.
type Header struct {
	Type  uint32 // Int32 or Uint8
	Shape []int
}

// ReadHeader reads the header of a matrix; the values follow.
func ReadHeader(r io.Reader) (h Header, err error) {
	if h.Type, err = word(r); err != nil {
		return h, err
	}
	switch {
	case others[h.Type] != "":
		return h, fmt.Errorf("its values are %s, want uint8 or int32", others[h.Type])
	case h.Type != Int32 && h.Type != Uint8:
		return h, fmt.Errorf("it is no matrix of NORB: it begins with %#08x", h.Type)
	}
	n, err := word(r)
	if err != nil {
		return h, err
	}
	if n > maxDims {
		return h, fmt.Errorf("it claims %d dimensions, at most %d are possible: the file is damaged", n, maxDims)
	}
	values := int64(1)
	for i := range max(3, n) {
		dim, err := word(r)
		if err != nil {
			return h, err
		}
		if dim == 0 || dim > math.MaxInt32 || values > maxValues/int64(dim) || i >= n && dim != 1 {
			return h, fmt.Errorf("dimension %d is %d, which no data set has: the file is damaged", i, int32(dim))
		}
		values *= int64(dim)
		if i < n {
			h.Shape = append(h.Shape, int(dim))
		}
	}
	return h, nil
}

// ReadInts reads int32 values into rows.
func ReadInts(r io.Reader, row []int) error {
	for i := range row {
		v, err := word(r)
		if err != nil {
			return err
		}
		row[i] = int(int32(v))
	}
	return nil
}

// ReadBytes fills p with uint8 values.
func ReadBytes(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	return cutOff(err)
}

func word(r io.Reader) (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(r, b[:])
	return binary.LittleEndian.Uint32(b[:]), cutOff(err)
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCutOff
	}
	return err
}
