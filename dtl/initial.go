package dtl

import (
	"math"
	"math/rand/v2"

	"dtl-tf/graph/tensor"
)

// Zeros is the Init that fills a parameter with 0.
func Zeros(_ *rand.Rand, shape []int) tensor.Tensor { return tensor.Zeros(shape...) }

// ones fills a parameter with 1.
func ones(_ *rand.Rand, shape []int) tensor.Tensor { return draw(shape, func() float64 { return 1 }) }

// KaimingUniform is PyTorch's default for linear and convolution weights [out, in, ...]: Kaiming-uniform with a =
// sqrt(5), which is uniform within +-1/sqrt(fan_in).
func KaimingUniform(random *rand.Rand, shape []int) tensor.Tensor {
	return uniform(1/math.Sqrt(float64(tensor.Size(shape[1:]))))(random, shape)
}

// xavierUniform is PyTorch's xavier_uniform_ of [out, in, ...]: uniform within +-sqrt(6 / (fan_in + fan_out)).
func xavierUniform(random *rand.Rand, shape []int) tensor.Tensor {
	return xavier((shape[0]+shape[1])*tensor.Size(shape[2:]))(random, shape)
}

// xavier is the Xavier-uniform distribution for a given fan_in + fan_out.
func xavier(fans int) Init { return uniform(math.Sqrt(6 / float64(fans))) }

func uniform(bound float64) Init {
	return func(random *rand.Rand, shape []int) tensor.Tensor {
		return draw(shape, func() float64 { return (2*random.Float64() - 1) * bound })
	}
}

// TruncatedNormal is timm's trunc_normal_: a normal distribution of the given standard deviation, truncated to [-2, 2].
func TruncatedNormal(std float64) Init { return truncated(std, 2) }

// cutNormal is a normal distribution of the given standard deviation, truncated at two deviations.
func cutNormal(std float64) Init { return truncated(std, 2*std) }

// truncated is a normal distribution of the given standard deviation, truncated to [-limit, limit].
func truncated(std, limit float64) Init {
	return func(random *rand.Rand, shape []int) tensor.Tensor {
		return draw(shape, func() float64 {
			v := random.NormFloat64() * std
			for math.Abs(v) > limit {
				v = random.NormFloat64() * std
			}
			return v
		})
	}
}

// normalAround is a normal distribution of the given mean and standard deviation.
func normalAround(mean, std float64) Init {
	return func(random *rand.Rand, shape []int) tensor.Tensor {
		return draw(shape, func() float64 { return mean + std*random.NormFloat64() })
	}
}

func draw(shape []int, next func() float64) tensor.Tensor {
	t := tensor.Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32(next())
	}
	return t
}
