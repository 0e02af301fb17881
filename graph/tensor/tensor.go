// Package tensor holds dense arrays in host memory: what is read from a weight file, fed into a
// session or fetched from it. It knows neither TensorFlow nor files.
package tensor

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
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

// Float32 is the same number as a float32.
func (b BFloat16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// RoundBFloat16 rounds to the nearest, ties to even, like TensorFlow's Cast.
func RoundBFloat16(v float32) BFloat16 {
	bits := math.Float32bits(v)
	if v != v {
		return BFloat16(bits>>16) | 0x40 // rounding could turn NaN into infinity
	}
	return BFloat16((bits + 0x7fff + bits>>16&1) >> 16)
}

// Tensor is a dense row-major array. Data is a []T of an Element type with exactly Size(Shape)
// elements, or Rows, or Deferred. A scalar has the empty shape.
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

// Float32 returns the elements of a float32 tensor, and nil for any other element type and for deferred elements.
func (t Tensor) Float32() []float32 {
	f, _ := t.Data.([]float32)
	return f
}

// Clone is a deep copy of a float32 tensor. A deferred one, which can't be changed, keeps its data.
func (t Tensor) Clone() Tensor {
	if t.IsDeferred() {
		return Tensor{Shape: slices.Clone(t.Shape), Data: t.Data}
	}
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

// SHA256 is a hash of names, shapes and float32 values, independent of map order. The values must not be deferred: see [Map.Hash].
func (m Map) SHA256() string {
	sum := NewSum()
	for _, name := range m.Names() {
		sum.add(name, m[name].Shape)
		sum.values(m[name].Float32())
	}
	return sum.String()
}

// Hash is SHA256 of a set whose values may be deferred. It has one tensor's in memory at a time.
func (m Map) Hash() (string, error) {
	sum := NewSum()
	for _, name := range m.Names() {
		if err := sum.Add(name, m[name]); err != nil {
			return "", err
		}
	}
	return sum.String(), nil
}

// Sum computes the SHA256 of a set, tensor by tensor.
type Sum struct {
	hash  hash.Hash
	bytes []byte
}

// NewSum returns the Sum of no tensors.
func NewSum() *Sum { return &Sum{hash: sha256.New()} }

// Add adds the next tensor of float32 in order of name.
func (s *Sum) Add(name string, t Tensor) error {
	s.add(name, t.Shape)
	if !t.IsDeferred() {
		s.values(t.Float32())
		return nil
	}
	if err := t.Pieces(s.values); err != nil {
		return fmt.Errorf("tensor %s: %w", name, err)
	}
	return nil
}

func (s *Sum) add(name string, shape []int) { fmt.Fprintf(s.hash, "%s %v\n", name, shape) }

func (s *Sum) values(values []float32) {
	for part := range slices.Chunk(values, 1<<14) {
		s.bytes, _ = binary.Append(s.bytes[:0], binary.LittleEndian, part)
		s.hash.Write(s.bytes)
	}
}

// String is the sum in hexadecimal.
func (s *Sum) String() string { return hex.EncodeToString(s.hash.Sum(nil)) }
