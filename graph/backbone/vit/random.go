package vit

import (
	"math"
	"math/rand/v2"
	"strings"

	"dtl-tf/graph/backbone"
)

// fill initialises a weight like Google's ViT (vision_transformer/models_vit.py): Xavier uniform for the blocks' kernels, LeCun
// normal for the patch embedding, normal with standard deviation 0.02 for positions and 1e-6 for the MLP's biases, 1 for
// LayerNorm's scales, 0 for the rest.
func fill(random *rand.Rand, arch backbone.Architecture, s backbone.Spec, out []float32) {
	a := arch.(Architecture)
	set := func(next func() float64) {
		for i := range out {
			out[i] = float32(next())
		}
	}
	normal := func(std float64) { set(func() float64 { return random.NormFloat64() * std }) }
	switch {
	case s.Name == positions:
		normal(0.02)
	case s.Name == patchKernel:
		normal(1 / math.Sqrt(float64(a.Patch*a.Patch*3)))
	case s.Role == backbone.Scale:
		set(func() float64 { return 1 })
	case s.Role == backbone.Kernel:
		fanIn, fanOut := a.Width, a.Width
		if len(s.Shape) == 2 {
			fanIn, fanOut = s.Shape[0], s.Shape[1]
		}
		bound := math.Sqrt(6 / float64(fanIn+fanOut))
		set(func() float64 { return (2*random.Float64() - 1) * bound })
	case s.Role == backbone.Bias && strings.Contains(s.Name, "MlpBlock_3"):
		normal(1e-6)
	}
}
