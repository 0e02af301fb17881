package tensor

import "math"

// MaxHalf is the largest finite number of IEEE 754 binary16.
const MaxHalf = 65504

// FromHalf converts an IEEE 754 binary16 to float32, which is exact.
func FromHalf(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exponent {
	case 0: // zero or subnormal: mantissa * 2^-24
		return math.Float32frombits(math.Float32bits(float32(mantissa)*(1.0/(1<<24))) | sign)
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
}
