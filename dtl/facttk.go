package dtl

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

func init() { registerFactorTuning("fact-tk", 110, 28, tuckerCores) }

// tuckerCores is FacT-TK: the update of the weight tensor is a Tucker decomposition (the paper's s C x_1 P^T x_2 U^T x_3 V^T).
// The core of matrix j mixes the r slices of one small tensor (see factorTuning):
//
//	core_j = sum_k P[j, k] C[:, :, k]        P [12 L, r], C [r, r, r]
//
// The first index of C belongs to V, except in fc2, where it belongs to U: the official code also transposes C there. C and
// P start Xavier-uniform, as in the official code.
//
// Parameters on ViT-B/16: 2 * 768 r + 144 r + r^3, which is 30,976 for r = 16 and 86,528 for r = 32. Over the 19 tasks of
// VTAB-1k the official settings use r = 32 for thirteen and 16 for six, 68,985 on average: the published 0.069 or 0.07 M. The
// default r = 28 gives 68,992, 1.4 % below 0.07 M.
//
// Deviations: P is [12 L, r], in the official code [r, 12 L]. For fc1 and fc2 the official code views C P [r, r, 4] as
// [r, 4 r] without moving the matrix axis to the front, which mixes the four matrices; here each matrix is the one that the
// paper's formula gives. The number of parameters and the set of functions that can be learned are the same.
func tuckerCores(p *Params, a backbone.Architecture, r int) func() core {
	blocks := a.Blocks()
	first := map[backbone.Point]int{} // index of a layer's first matrix within a block
	n := 0
	for _, layer := range factLayers {
		first[layer.point] = n
		n += matrices(layer.point, blocks[0])
	}
	mixes := p.Declare("FacTp", xavierUniform, len(blocks)*n, r)
	tucker := p.Declare("FacTc", xavierUniform, r, r, r)
	return func() core {
		var cores graph.Value // of the current block, [1, n, r r]
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
