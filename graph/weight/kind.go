package weight

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// kind is an element type in a file.
type kind struct {
	safetensors string // name in that format, "" for none
	numpy       string // descr in a .npy header, "" for none
	size        int    // bytes per element
	decode      decoder
	floats      func(dst []float32, src []byte) // converts len(dst) elements; nil for integers and bools
}

// floatKind is a kind of floats.
func floatKind(safetensors, numpy string, size int, convert func(dst []float32, src []byte)) kind {
	return kind{safetensors, numpy, size, elements(size, convert), convert}
}

// otherKind is a kind of integers or bools.
func otherKind(safetensors, numpy string, size int, decode decoder) kind {
	return kind{safetensors, numpy, size, decode, nil}
}

// decoder reads n elements from r through buf. It allocates memory for the first elements at once and
// for the rest as the data arrives. The result is a slice of a tensor.Element type.
type decoder func(r io.Reader, n, first int, buf []byte) (any, error)

// kinds is in the order in which the reference implementation of .safetensors lays out tensors: wider
// elements first, so that all are aligned.
var kinds = []kind{
	otherKind("I64", "<i8", 8, elements(8, func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint64(src[8*i:]))
		}
	})),
	floatKind("F64", "<f8", 8, func(dst []float32, src []byte) {
		for i := range dst { // to the nearest float32, ties to even
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	}),
	floatKind("F32", "<f4", 4, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	}),
	otherKind("I32", "<i4", 4, elements(4, func(dst []int32, src []byte) {
		for i := range dst {
			dst[i] = int32(binary.LittleEndian.Uint32(src[4*i:]))
		}
	})),
	floatKind("BF16", "", 2, func(dst []float32, src []byte) {
		for i := range dst { // the upper half of a float32
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	}),
	floatKind("F16", "<f2", 2, func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = tensor.FromHalf(binary.LittleEndian.Uint16(src[2*i:]))
		}
	}),
	otherKind("U8", "|u1", 1, elements(1, func(dst []uint8, src []byte) { copy(dst, src) })),
	otherKind("BOOL", "|b1", 1, elements(1, func(dst []bool, src []byte) {
		for i := range dst {
			dst[i] = src[i] != 0
		}
	})),
}

// kindOf finds the first kind that matches.
func kindOf(match func(kind) bool) (kind, bool) {
	if i := slices.IndexFunc(kinds, match); i >= 0 {
		return kinds[i], true
	}
	return kind{}, false
}

// none is no elements, of the type that decode returns.
func (k kind) none() any {
	data, _ := k.decode(strings.NewReader(""), 0, 0, nil) // reads nothing, so it can't fail
	return data
}

// order is the index of k in kinds.
func (k kind) order() int {
	return slices.IndexFunc(kinds, func(o kind) bool { return o.safetensors == k.safetensors })
}

// elements returns a decoder for elements of size bytes; convert converts len(dst) of them.
func elements[T any](size int, convert func(dst []T, src []byte)) decoder {
	return func(r io.Reader, n, first int, buf []byte) (any, error) {
		out := make([]T, 0, min(n, first))
		for len(out) < n {
			have, more := len(out), min(n-len(out), len(buf)/size)
			src := buf[:more*size]
			if _, err := io.ReadFull(r, src); err != nil {
				return nil, fmt.Errorf("its data cannot be read, the file is damaged: %w", noEOF(err))
			}
			out = slices.Grow(out, more)[:have+more]
			convert(out[have:], src)
		}
		return out, nil
	}
}

// encoding returns the kind under which t is written and a function that writes its elements to w,
// little-endian.
func encoding(t tensor.Tensor) (k kind, write func(w io.Writer) error, err error) {
	switch data := t.Data.(type) {
	case []float32:
		return encodingAs("F32", t.Shape, data)
	case []int64:
		return encodingAs("I64", t.Shape, data)
	case []int32:
		return encodingAs("I32", t.Shape, data)
	case []uint8:
		return encodingAs("U8", t.Shape, data)
	case []bool:
		return encodingAs("BOOL", t.Shape, data)
	}
	return kind{}, nil, fmt.Errorf("elements of type %T cannot be written to a weight file", t.Data)
}

func encodingAs[T any](name string, shape []int, data []T) (k kind, write func(w io.Writer) error, err error) {
	if slices.ContainsFunc(shape, func(d int) bool { return d < 0 }) {
		return kind{}, nil, fmt.Errorf("shape %v has a negative dimension", shape)
	}
	if want := tensor.Size(shape); want != len(data) {
		return kind{}, nil, fmt.Errorf("shape %v holds %d elements, its data has %d", shape, want, len(data))
	}
	k, _ = kindOf(func(k kind) bool { return k.safetensors == name })
	return k, func(w io.Writer) (err error) {
		var buf []byte
		for part := range slices.Chunk(data, bufferSize/k.size) {
			if buf, err = binary.Append(buf[:0], binary.LittleEndian, part); err != nil {
				return err
			}
			if _, err = w.Write(buf); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// maxRank is NumPy's limit on dimensions (NPY_MAXDIMS of NumPy 2).
const maxRank = 64

// count returns the number of elements of a shape and their size in bytes at size bytes each. It fails
// on negative dimensions and on overflow.
func count(shape []int, size int) (n, bytes int, err error) {
	if len(shape) > maxRank {
		return 0, 0, fmt.Errorf("it has %d dimensions, %d is the limit", len(shape), maxRank)
	}
	n = 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/d {
			return 0, 0, fmt.Errorf("shape %v is not possible", shape)
		}
		n *= d
	}
	if n > math.MaxInt/size {
		return 0, 0, fmt.Errorf("shape %v is not possible", shape)
	}
	return n, n * size, nil
}
