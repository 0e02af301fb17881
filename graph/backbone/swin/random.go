package swin

import (
	"math"
	"math/rand/v2"

	"dtl-tf/graph/backbone"
)

// fill initialises a weight like timm's and Microsoft's Swin (swin_transformer.py): kernels and tables of relative positions normal
// with standard deviation 0.02 (cut off at 100 standard deviations there), the patch embedding as PyTorch's convolutions, LayerNorm's scales 1, biases 0.
func fill(random *rand.Rand, arch backbone.Architecture, s backbone.Spec, out []float32) {
	a := arch.(Architecture)
	set := func(next func() float64) {
		for i := range out {
			out[i] = float32(next())
		}
	}
	switch {
	case s.Name == patchKernel:
		bound := 1 / math.Sqrt(float64(a.Patch*a.Patch*3))
		set(func() float64 { return (2*random.Float64() - 1) * bound })
	case s.Role == backbone.Kernel, len(s.Shape) == 2: // a Bias of two axes is a table of relative positions
		set(func() float64 { return random.NormFloat64() * 0.02 })
	case s.Role == backbone.Scale:
		set(func() float64 { return 1 })
	}
}
