package dtl

import (
	"fmt"
	"math"
	"math/rand/v2"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

func init() {
	const rank = 28
	Register(Definition{Name: "fact-tk", Place: 110, Options: factOptions(fmt.Sprint(rank)), Supports: factSupports, New: func(o *Reader, a backbone.Architecture) Method {
		f := newFactorTuning("fact-tk", rank, o, a)
		f.cores = tuckerCores
		return f
	}})
}

// tuckerCores is FacT-TK, which decomposes the tensor of weights in Tucker's form (the paper's s C x_1 P^T x_2 U^T x_3 V^T):
// the core of matrix j is a mixture of the r layers of one small tensor (see factorTuning),
//
//	core_j = sum_k P[j, k] C[:, :, k]        P [12 L, r], C [r, r, r]
//
// where C's first index is V's side, but of fc2 U's: the official code takes C transposed there, too. C and P start
// Xavier-uniform, as in the official code.
//
// Parameters on ViT-B/16: 2 * 768 r + 144 r + r^3: 30,976 at r = 16, 86,528 at 32. The official settings of the 19 tasks of
// VTAB-1k take r = 32 for thirteen and 16 for six, 68,985 on average: that is the published 0.069 or 0.07 M. The default
// r = 28 has 68,992, 1.4 % below 0.07 M.
//
// Deviations: P lies [12 L, r], in the official code [r, 12 L]. For fc1 and fc2 the official code views C P [r, r, 4] as
// [r, 4 r] without moving the axis of the matrices to the front, which mixes the four matrices; here each is the one that
// the paper's formula gives. Numbers of parameters and what can be learned are the same.
func tuckerCores(p *Params, a backbone.Architecture, r int) func() core {
	blocks := a.Blocks()
	first := map[backbone.Point]int{} // a layer's first matrix within a block
	n := 0
	for _, layer := range factLayers {
		first[layer.point] = n
		n += matrices(layer.point, blocks[0])
	}
	mixes := p.Declare("FacTp", xavierUniform, len(blocks)*n, r)
	tucker := p.Declare("FacTc", xavierUniform, r, r, r)
	return func() core {
		var cores graph.Value // of the block at hand, [1, n, r r]
		return func(b *graph.Builder, at backbone.Tap, u graph.Value) graph.Value {
			if at.Point == backbone.Query {
				rows := b.SliceTokens(b.Reshape(mixes, 1, len(blocks)*n, r), at.Block.Index*n, (at.Block.Index+1)*n)
				cores = b.LinearT(rows, b.Reshape(tucker, r*r, r))
			}
			from, m := first[at.Point], matrices(at.Point, at.Block)
			w := b.Reshape(b.SliceTokens(cores, from, from+m), m*r, r)
			if at.Point == backbone.FC2 {
				return b.Linear(u, w, graph.Value{})
			}
			return b.LinearT(u, w)
		}
	}
}

// xavierUniform is PyTorch's xavier_uniform_ of [out, in, ...]: uniform within +-sqrt(6 / (fan_in + fan_out)).
func xavierUniform(random *rand.Rand, shape []int) tensor.Tensor {
	field := tensor.Size(shape[2:])
	bound := math.Sqrt(6 / float64((shape[0]+shape[1])*field))
	t := tensor.Zeros(shape...)
	for i := range t.Float32() {
		t.Float32()[i] = float32((2*random.Float64() - 1) * bound)
	}
	return t
}
