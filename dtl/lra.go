package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// lowRankNet is a low-rank-attention net on the mean of features, OUR RECONSTRUCTION of what is known about LAST (Tang et al., "Low-rank
// Attention Side-Tuning for Parameter-Efficient Fine-Tuning", 2024, arXiv 2402.04009), whose code is not public: side blocks of
// low-rank self-attention without MLP beside an untouched backbone. Results published for LAST are not this method's.
//
//	z_0 = mean of h_i over i >= S                              h_i [B, T, d] the output of block i
//	z_j = z_j-1 + U_j MHSA(D_j z_j-1), j = 1 .. J              D_j [r, d], U_j [d, r], queries, keys and values [3 r, r]
//
// z_J replaces the backbone's last output and passes through its frozen final LayerNorm. No gradient enters the backbone, and the feature
// cache holds one value for each image, the sum of the h_i. D and the maps of the attention start Kaiming-uniform, U at zero, so that
// training starts with a classifier of the mean. The mean keeps the scores of the attention in the range in which its softmax has a
// gradient; the final LayerNorm does not tell it from the sum.
//
// Parameters on ViT-B/16: 12 (2 * 768 r + 3 r^2), 0.63 M at r = 32. LAST has 0.66 M.
type lowRankNet struct {
	base
	rank, heads, layers, from int
}

func init() {
	options := []Option{
		{"rank", Whole, "rank of the low-rank maps", "32"},
		{"side-heads", Whole, "heads of the low-rank attention, a divisor of its rank", "2, at an odd rank 1"},
		{"side-blocks", Whole, "number of blocks of the side network", "that of the backbone"},
		{"sum-from", Whole, "first block, counting from 0, whose output the side network reads", "0"},
	}
	Register(Definition{Name: "lra", Place: 150, Options: options, Supports: oneStage("lra adds up the outputs of all blocks, which must be of one size"), New: func(o *Reader, a backbone.Architecture) Method {
		width, depth := narrowest(a), len(a.Blocks())
		n := lowRankNet{base: base{"lra"}, rank: o.Whole("rank", min(32, width), 1, width, "the width of the backbone")}
		n.heads = o.Whole("side-heads", 2-n.rank%2, 1, n.rank, "the rank")
		if n.heads > 0 && n.rank%n.heads != 0 {
			o.fail("side-heads", "%s %d is not possible: it does not divide the rank %d", n.heads, n.rank)
		}
		n.layers = o.Whole("side-blocks", depth, 1, maxSideBlocks, "")
		n.from = o.Whole("sum-from", 0, 0, depth-1, "the blocks of the backbone")
		return n
	}})
}

// maxSideBlocks is far above any useful depth.
const maxSideBlocks = 256

func (n lowRankNet) sumFrom() int { return n.from }

func (n lowRankNet) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	blocks := a.Blocks()
	d := blocks[0].Width
	type layer struct{ down, qkv, up graph.Value }
	var layers []layer
	for j := range n.layers {
		name := fmt.Sprintf("lra.%d.", j)
		layers = append(layers, layer{
			p.Declare(name+"down", KaimingUniform, n.rank, d), p.Declare(name+"qkv", KaimingUniform, 3*n.rank, n.rank), p.Declare(name+"up", Zeros, d, n.rank),
		})
	}
	return func() backbone.Hook {
		var sum graph.Value // of the outputs so far [B, T, d]
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			i := at.Block.Index
			if at.Point != backbone.BlockOutput || i < n.from {
				return out
			}
			switch {
			case !sum.Defined():
				sum = out
			case out.Defined(): // see summing
				sum = b.Add(sum, out)
			}
			if i < len(blocks)-1 {
				return out
			}
			z := b.Scale(sum, 1/float64(len(blocks)-n.from))
			for j, w := range layers {
				b := b.In(fmt.Sprintf("side_%02d", j))
				z = b.Region([]graph.Value{z}, float64(len(layers)-1-j), func(b *graph.Builder, in []graph.Value) graph.Value {
					low := b.In("down").LinearT(in[0], w.down)
					part := func(name string, which int) graph.Value { return b.In(name).LinearT(low, third(b, w.qkv, which)) }
					mixed := b.Attention(part("query", 0), part("key", 1), part("value", 2), n.heads)
					return b.Add(in[0], b.In("up").LinearT(mixed, w.up))
				})
			}
			return z
		}
	}
}
