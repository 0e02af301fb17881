package dtl

import (
	"math"
	"math/rand/v2"

	"dtl-tf/graph/tensor"
)

// Zeros is the Init that fills a parameter with 0.
func Zeros(_ *rand.Rand, shape []int) tensor.Tensor { return tensor.Zeros(shape...) }

// KaimingUniform is PyTorch's default for linear and convolution weights [out, in, ...]: Kaiming-uniform with a =
// sqrt(5), which is uniform within +-1/sqrt(fan_in).
func KaimingUniform(random *rand.Rand, shape []int) tensor.Tensor {
	bound := 1 / math.Sqrt(float64(tensor.Size(shape[1:])))
	t := tensor.Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32((2*random.Float64() - 1) * bound)
	}
	return t
}

// TruncatedNormal is timm's trunc_normal_: a normal distribution of the given standard deviation, truncated to [-2, 2].
func TruncatedNormal(std float64) Init {
	return func(random *rand.Rand, shape []int) tensor.Tensor {
		t := tensor.Zeros(shape...)
		for i := range t.Float32() {
			v := random.NormFloat64() * std
			for math.Abs(v) > 2 {
				v = random.NormFloat64() * std
			}
			t.Float32()[i] = float32(v)
		}
		return t
	}
}
