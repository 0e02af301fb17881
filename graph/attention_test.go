package graph

import (
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// windowMasks are the masks of two windows of 3 tokens. In the second window token 2 attends to itself only, as after a cyclic
// shift.
var windowMasks = tensor.Must([]float32{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -100, 0, 0, -100, -100, -100, 0}, 2, 1, 3, 3)

// TestAttentionBias compares the forward pass with a bias and masks to its definition, evaluated in float64: in float32, in
// bfloat16, and in bfloat16 with kernels, whose softmax scales its input unless there is a bias.
func TestAttentionBias(t *testing.T) {
	const samples, tokens, width, heads = 4, 3, 4, 2
	random := rand.New(rand.NewPCG(3, 5))
	q, k, v := normal(random, samples, tokens, width), normal(random, samples, tokens, width), normal(random, samples, tokens, width)
	bias := normal(random, heads, tokens, tokens)
	want := slowAttention(q.Float32(), k.Float32(), v.Float32(), bias.Float32(), samples, tokens, width, heads)
	for _, c := range []struct {
		name      string
		builder   *Builder
		tolerance float64
	}{
		{"float32", New(RecomputeNone), 1e-5},
		// q, k, v, scores, biased scores, softmax and result are rounded to bfloat16, each by at most 2^-9 of its size.
		{"bfloat16", New(RecomputeNone).Use(BF16), 7.0 / 512},
		{"bfloat16 with kernels", New(RecomputeNone).Use(BF16).For(Processor), 7.0 / 512},
	} {
		b := c.builder
		y := b.Float(b.Attention(b.Constant(q), b.Constant(k), b.Constant(v), heads, b.Constant(bias), b.Constant(windowMasks)))
		s, err := NewSession(b.Graph(), SessionOptions{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Run(nil, []tf.Output{y.Output})
		s.Close()
		if err != nil {
			t.Fatal(err)
		}
		compare(t, c.name, got[0].Float32(), want, c.tolerance)
	}
}

func slowAttention(q, k, v, bias []float32, samples, tokens, width, heads int) []float32 {
	out := make([]float32, samples*tokens*width)
	each := width / heads
	for s := range samples {
		for h := range heads {
			at := func(x []float32, token, i int) float64 { return float64(x[(s*tokens+token)*width+h*each+i]) }
			for i := range tokens {
				weights, sum := make([]float64, tokens), 0.0
				for j := range tokens {
					score := 0.0
					for c := range each {
						score += at(q, i, c) * at(k, j, c)
					}
					score = score/math.Sqrt(float64(each)) + float64(bias[(h*tokens+i)*tokens+j])
					score += float64(windowMasks.Float32()[(s%2*tokens+i)*tokens+j])
					weights[j] = math.Exp(score)
					sum += weights[j]
				}
				for c := range each {
					mixed := 0.0
					for j := range tokens {
						mixed += weights[j] / sum * at(v, j, c)
					}
					out[(s*tokens+i)*width+h*each+c] = float32(mixed)
				}
			}
		}
	}
	return out
}
