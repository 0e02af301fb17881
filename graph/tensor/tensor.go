// Package tensor holds dense arrays in host memory: what is read from a weight file, fed into a
// session or fetched from it. It knows neither TensorFlow nor files.
package tensor

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Element is an element type of a Tensor. A string is an element of arbitrary bytes, such as an
// encoded image.
type Element interface {
	float32 | BFloat16 | uint8 | int32 | int64 | bool | string
}

// BFloat16 is the upper half of a float32.
type BFloat16 uint16

// RoundBFloat16 rounds to the nearest, ties to even, like TensorFlow's Cast.
func RoundBFloat16(v float32) BFloat16 {
	bits := math.Float32bits(v)
	if v != v {
		return BFloat16(bits>>16) | 0x40 // rounding could turn NaN into infinity
	}
	return BFloat16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Tensor is a dense row-major array. Data is a []T of an Element type with exactly Size(Shape)
// elements, or Rows. A scalar has the empty shape.
type Tensor struct {
	Shape []int
	Data  any
}

// Rows is the data of a tensor in separate pieces, such as parts of a memory-mapped file: element i holds the
// little-endian values of type T at index i of the first dimension. A tensor of Rows can be fed; only that copies the data.
type Rows[T float32 | BFloat16] [][]byte

// Must wraps data, which is not copied, as a tensor of the given shape. It panics if the number of elements does not match the
// shape.
func Must[T Element](data []T, shape ...int) Tensor {
	if n := Size(shape); n != len(data) {
		panic(fmt.Sprintf("tensor: shape %v holds %d elements, data has %d", shape, n, len(data)))
	}
	return Tensor{Shape: slices.Clone(shape), Data: data}
}

// Scalar is a tensor of rank 0.
func Scalar[T Element](v T) Tensor { return Tensor{Shape: []int{}, Data: []T{v}} }

// Zeros is a float32 tensor of zeros.
func Zeros(shape ...int) Tensor { return Must(make([]float32, Size(shape)), shape...) }

// Size is the number of elements of a shape: the product of its dimensions.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Float32 returns the elements of a float32 tensor, and nil for any other element type.
func (t Tensor) Float32() []float32 {
	f, _ := t.Data.([]float32)
	return f
}

// Clone is a deep copy of a float32 tensor.
func (t Tensor) Clone() Tensor {
	return Tensor{Shape: slices.Clone(t.Shape), Data: slices.Clone(t.Float32())}
}

// FirstNonFinite returns the index of the first NaN or infinity of a float32 tensor, or -1.
func (t Tensor) FirstNonFinite() int {
	const exponent = 0x7f800000 // all ones in NaN and infinity
	for i, v := range t.Float32() {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}

// Map is a set of tensors by name.
type Map map[string]Tensor

// Names returns the names in sorted order.
func (m Map) Names() []string {
	return slices.Sorted(maps.Keys(m))
}

// SHA256 is a hash of names, shapes and float32 values, independent of map order.
func (m Map) SHA256() string {
	h := sha256.New()
	var buf []byte
	for _, name := range m.Names() {
		t := m[name]
		fmt.Fprintf(h, "%s %v\n", name, t.Shape)
		for part := range slices.Chunk(t.Float32(), 1<<14) {
			buf, _ = binary.Append(buf[:0], binary.LittleEndian, part)
			h.Write(buf)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
