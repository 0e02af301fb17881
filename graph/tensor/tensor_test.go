package tensor

import (
	"math"
	"testing"
)

// TestRoundBFloat16 checks numbers whose rounding is known: by IEEE 754 and "round half to even", 1 + 2^-8 is a tie and becomes 1,
// 1 + 3 * 2^-8 becomes 1 + 2^-6.
func TestRoundBFloat16(t *testing.T) {
	for v, want := range map[float32]BFloat16{
		0: 0, 1: 0x3f80, -2: 0xc000, 1 + 1.0/256: 0x3f80, 1 + 3.0/256: 0x3f82, 1 + 1.0/256 + 1.0/1024: 0x3f81,
		math.MaxFloat32: 0x7f80, float32(math.Inf(-1)): 0xff80, 3.14159274: 0x4049,
	} {
		if got := RoundBFloat16(v); got != want {
			t.Errorf("%v: %#x, want %#x", v, got, want)
		}
	}
	if nan := RoundBFloat16(math.Float32frombits(0x7f800001)); nan&0x7f80 != 0x7f80 || nan&0x7f == 0 {
		t.Errorf("a NaN became %#x", nan)
	}
}
