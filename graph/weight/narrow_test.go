package weight

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
)

// narrowFile writes a .safetensors file with one tensor "a" of 16-bit numbers.
func narrowFile(t *testing.T, dtype string, bits []uint16) string {
	t.Helper()
	raw := st(fmt.Sprintf(`{"a":{"dtype":%q,"shape":[%d],"data_offsets":[0,%d]}}`, dtype, len(bits), 2*len(bits)), 0)
	for _, b := range bits {
		raw = binary.LittleEndian.AppendUint16(raw, b)
	}
	path := filepath.Join(t.TempDir(), "narrow.safetensors")
	expect.NoError(t, os.WriteFile(path, raw, 0o600))
	return path
}

// TestNarrowFloats reads numbers of every class in float16 and bfloat16: both zeros, the smallest and largest subnormal and normal
// numbers, ordinary ones, infinity and NaN. Values are from IEEE 754 (binary16) and from the definition of bfloat16 as the upper
// half of a float32. Infinity and NaN are read as such and refused as weights.
func TestNarrowFloats(t *testing.T) {
	type number struct {
		bits  uint16
		value float64
	}
	for dtype, numbers := range map[string][]number{
		"F16": {
			{0x0000, 0}, {0x8000, math.Copysign(0, -1)}, {0x0001, 0x1p-24}, {0x8001, -0x1p-24}, {0x03ff, 0x1p-14 - 0x1p-24}, {0x0400, 0x1p-14}, {0x7bff, 65504}, {0xfbff, -65504},
			{0x3c00, 1}, {0x3c01, 1 + 0x1p-10}, {0xc000, -2}, {0x3555, 0x1.554p-2},
		},
		"BF16": {
			{0x0000, 0}, {0x8000, math.Copysign(0, -1)}, {0x0001, 0x1p-133}, {0x8001, -0x1p-133}, {0x007f, 0x1p-126 - 0x1p-133}, {0x0080, 0x1p-126}, {0x7f7f, 0x1.fep127}, {0xff7f, -0x1.fep127},
			{0x3f80, 1}, {0x3f81, 1 + 0x1p-7}, {0xc000, -2}, {0x3eab, 0x1.56p-2},
		},
	} {
		bits := make([]uint16, len(numbers))
		for i, n := range numbers {
			bits[i] = n.bits
		}
		f, err := Open(narrowFile(t, dtype, bits))
		expect.NoError(t, err)
		expect.NoError(t, f.CheckFinite(t.Context()))
		for i, v := range f.Tensors["a"].Float32() {
			if want := numbers[i].value; float64(v) != want || math.Signbit(float64(v)) != math.Signbit(want) {
				t.Errorf("%s %#04x is %v, want %v", dtype, numbers[i].bits, v, want)
			}
		}
	}
	for _, c := range []struct {
		dtype string
		bits  uint16
		what  string
	}{
		{"F16", 0x7c00, "infinite"}, {"F16", 0xfc00, "infinite"}, {"F16", 0x7c01, "NaN"}, {"F16", 0x7e00, "NaN"}, {"F16", 0xffff, "NaN"},
		{"BF16", 0x7f80, "infinite"}, {"BF16", 0xff80, "infinite"}, {"BF16", 0x7f81, "NaN"}, {"BF16", 0x7fc0, "NaN"}, {"BF16", 0xffff, "NaN"},
	} {
		path := narrowFile(t, c.dtype, []uint16{0x3c00, c.bits})
		f, err := Open(path)
		expect.NoError(t, err)
		expect.Error(t, f.CheckFinite(t.Context()), path, "tensor a is "+c.what+" at index [1]")
	}
}
