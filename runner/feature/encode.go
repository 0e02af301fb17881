package feature

import (
	"encoding/binary"
	"math"
)

// encode appends float32 values to b as they are stored: little-endian float32, or bfloat16 rounded to the nearest, halves
// to even.
func encode(b []byte, values []float32, element string) []byte {
	if element == BF16 {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint16(b, bfloat16(v))
		}
		return b
	}
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// bfloat16 is the upper half of a float32, rounded as TensorFlow's Cast does it.
func bfloat16(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40 // rounding could turn a NaN into an infinity
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
