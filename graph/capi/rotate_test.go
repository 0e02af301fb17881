package capi

import (
	"math"
	"math/rand/v2"
	"testing"

	"dtl-tf/graph/tensor"
)

// TestRotate compares turned pairs with float64, forth and back, in rows of all widths that vectors leave a rest of.
func TestRotate(t *testing.T) { eachVariant(t, testRotate) }

func testRotate(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 2))
	for _, width := range []int{2, 6, 64, 1030} {
		turns := floats(random, 0, 1, width)
		long, short := floats(random, 0, 2, 3, 40, width), bfloats(random, 0, 2, 3, 40, width)
		for _, sign := range []float64{1, -1} {
			attribute := map[string]any{"sign": float32(sign)}
			full, half := kernel(t, "F32Rotate", attribute, long, turns), kernel(t, "Bf16Rotate", attribute, short, turns)
			at := func(v func(i int) float64, i int) (float64, float64) {
				k := i % width
				c, s := float64(turns.Float32()[k]), sign*float64(turns.Float32()[k+1])
				a, b := v(i), v(i+1)
				return a*c - b*s, b*c + a*s
			}
			for i := 0; i < len(full); i += 2 {
				x, y := at(func(i int) float64 { return float64(long.Float32()[i]) }, i)
				for k, want := range []float64{x, y} {
					if math.Abs(float64(full[i+k])-want) > 2e-6*math.Max(1, math.Abs(want))*4 {
						t.Fatalf("width %d: %g, want %g", width, full[i+k], want)
					}
				}
				x, y = at(func(i int) float64 { return wide(short.Data.([]tensor.BFloat16)[i]) }, i)
				for k, want := range []float64{x, y} {
					if !near(half[i+k], want, 8) {
						t.Fatalf("width %d: %g in bfloat16, want %g", width, half[i+k], want)
					}
				}
			}
		}
	}
}
