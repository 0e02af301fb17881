package matlab

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Array is a variable. Its values are read in MATLAB's order, in which the first index varies fastest.
type Array struct {
	Name  string
	Class string // such as uint8 or double
	Shape []int

	order   binary.ByteOrder
	body    *io.LimitedReader
	numeric bool
	complex bool
	stored  uint32 // type of the stored values, which may be narrower than the class
	left    int64  // bytes of values not yet read
	small   []byte // the values, if they lie in the tag
}

// element reads an element of the array's head, with its padding.
func (a *Array) element(what string, kind uint32, most int64) ([]byte, error) {
	t, err := readTag(a.body, a.order)
	switch {
	case err != nil:
		return nil, cutOff(err)
	case t.kind != kind:
		return nil, fmt.Errorf("the %s of an array are of type %d, want %d: %w", what, t.kind, kind, errFormat)
	case t.small != nil:
		return t.small, nil
	case t.bytes > most:
		return nil, fmt.Errorf("the %s of an array claim %d bytes, at most %d are possible: %w", what, t.bytes, most, errFormat)
	}
	padded := make([]byte, (t.bytes+7)&^7)
	if _, err := io.ReadFull(a.body, padded); err != nil {
		return nil, cutOff(err)
	}
	return padded[:t.bytes], nil
}

// open reads the tag of the values and compares their number with the dimensions.
func (a *Array) open(values int64) error {
	t, err := readTag(a.body, a.order)
	if err != nil {
		return cutOff(err)
	}
	width, ok := widths[t.kind]
	if !ok {
		return fmt.Errorf("its values are of type %d, which is not numeric: %w", t.kind, errFormat)
	}
	if t.bytes != values*width {
		return fmt.Errorf("it claims %d values of %d bytes for the dimensions %v: %w", t.bytes/width, width, a.Shape, errFormat)
	}
	if t.small == nil && t.bytes > a.body.N {
		return fmt.Errorf("it claims %d bytes of values where %d are left: %w", t.bytes, a.body.N, errFormat)
	}
	a.stored, a.left, a.small = t.kind, t.bytes, t.small
	return nil
}

// Read reads stored values as they are. It is for arrays whose Bytes is nil.
func (a *Array) Read(p []byte) (int, error) {
	if a.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), a.left)]
	if a.small != nil {
		n := copy(p, a.small)
		a.small, a.left = a.small[n:], a.left-int64(n)
		return n, nil
	}
	n, err := a.body.Read(p)
	a.left -= int64(n)
	if a.left > 0 && err != nil {
		err = cutOff(err)
	} else if err == io.EOF {
		err = nil
	}
	return n, err
}

// Bytes returns an error unless the array is of class uint8 and shape, in which -1 stands for any number.
func (a *Array) Bytes(shape ...int) error {
	fits := len(shape) == len(a.Shape)
	for i := 0; fits && i < len(shape); i++ {
		fits = shape[i] == a.Shape[i] || shape[i] < 0
	}
	if !fits || a.Class != "uint8" || a.stored != miUINT8 || a.complex {
		return fmt.Errorf("it is of class %s and shape %v, want uint8 and %v", a.Class, a.Shape, shape)
	}
	return nil
}

// Ints reads all values, whole numbers of any numeric type, at most most of them. Memory is taken as they arrive.
func (a *Array) Ints(most int) ([]int, error) {
	if !a.numeric || a.complex {
		return nil, fmt.Errorf("it is of class %s, want real numbers", a.Class)
	}
	width := widths[a.stored]
	if n := a.left / width; n > int64(most) {
		return nil, fmt.Errorf("it holds %d values, more than the %d that are possible", n, most)
	}
	var values []int
	raw := make([]byte, min(a.left, 1<<12))
	for a.left > 0 {
		part := raw[:min(a.left, int64(len(raw)))]
		if _, err := io.ReadFull(a, part); err != nil {
			return nil, cutOff(err)
		}
		for ; len(part) > 0; part = part[width:] {
			v, err := a.value(part)
			if err != nil {
				return nil, fmt.Errorf("value %d: %w", len(values), err)
			}
			values = append(values, v)
		}
	}
	return values, nil
}

// value converts the first of some stored values.
func (a *Array) value(raw []byte) (int, error) {
	switch a.stored {
	case miINT8:
		return int(int8(raw[0])), nil
	case miUINT8:
		return int(raw[0]), nil
	case miINT16:
		return int(int16(a.order.Uint16(raw))), nil
	case miUINT16:
		return int(a.order.Uint16(raw)), nil
	case miINT32:
		return int(int32(a.order.Uint32(raw))), nil
	case miUINT32:
		return int(a.order.Uint32(raw)), nil
	case miINT64:
		return int(int64(a.order.Uint64(raw))), nil
	case miUINT64:
		v := a.order.Uint64(raw)
		if v > math.MaxInt64 {
			return 0, fmt.Errorf("%d is too large", v)
		}
		return int(v), nil
	case miSINGLE:
		return whole(float64(math.Float32frombits(a.order.Uint32(raw))))
	}
	return whole(math.Float64frombits(a.order.Uint64(raw)))
}
