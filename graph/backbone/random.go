package backbone

import (
	"math"
	"math/rand/v2"
	"strings"

	"dtl-tf/graph/tensor"
)

// Random makes a backbone of random weights as Google's ViT starts its training (vision_transformer/models_vit.py):
// Xavier uniform for the blocks' kernels, LeCun normal for the patch embedding, normal of deviation 0.02
// for positions, 1e-6 for the MLP's biases, LayerNorm scales 1, the rest 0. The backbone has no head.
func Random(a Architecture, seed uint64) (*Backbone, error) {
	a.Classes, a.Hidden = 0, 0
	if err := a.Validate(); err != nil {
		return nil, err
	}
	weights := tensor.Map{}
	for i, s := range a.Specs() {
		t := tensor.Zeros(s.Shape...)
		fill(rand.New(rand.NewPCG(seed, uint64(i)+1<<32)), s, a, t.Float32())
		weights[s.Name] = t
	}
	return &Backbone{
		Description: Description{Architecture: a, Mean: half, Std: half, Pool: PoolClass},
		Weights:     weights, Format: "random", SHA256: weights.SHA256(), Sources: every(FromName),
	}, nil
}

func fill(random *rand.Rand, s Spec, a Architecture, out []float32) {
	normal := func(std float64) {
		for i := range out {
			out[i] = float32(random.NormFloat64() * std)
		}
	}
	switch {
	case s.Name == positions:
		normal(0.02)
	case s.Name == patchKernel:
		normal(1 / math.Sqrt(float64(a.Patch*a.Patch*3)))
	case s.Role == Scale:
		for i := range out {
			out[i] = 1
		}
	case s.Role == Kernel:
		fanIn, fanOut := a.Width, a.Width
		if len(s.Shape) == 2 {
			fanIn, fanOut = s.Shape[0], s.Shape[1]
		}
		bound := math.Sqrt(6 / float64(fanIn+fanOut))
		for i := range out {
			out[i] = float32((2*random.Float64() - 1) * bound)
		}
	case s.Role == Bias && strings.Contains(s.Name, "MlpBlock_3"):
		normal(1e-6)
	}
}
