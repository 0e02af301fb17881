package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// ladder is Ladder Side-Tuning, LST (Sung, Cho and Bansal, "LST: Ladder Side-Tuning for Parameter and Memory Efficient
// Transfer Learning", NeurIPS 2022, arXiv 2206.06522, section 3.2): a small ViT beside the frozen one, of the same depth
// and 1/8 of the width, w = d / 8. Its block i also reads the output z_i of the backbone's block i:
//
//	h_0   = D x_0                                       x_0 [B, T, d] the tokens, D and D_i: d to w, with bias
//	h_i+1 = block_i(s_i h_i + (1 - s_i) D_i z_i)        s_i = sigmoid(a_i / 0.1), a_i starts at 0
//	y     = U norm(h_N)                                 U: w to d, with bias
//
// y replaces the backbone's last output. No gradient enters the backbone: the step needs only the z_i, for the gradients of
// the D_i. The side blocks start from pruned backbone weights (see lstprune.go); D, D_i and U start normal with standard
// deviation 0.01 and bias 0, as in the official code (ylsung/Ladder-Side-Tuning, seq2seq).
//
// A side block has GELU and biases whatever the backbone has; that of a backbone with SwiGLU starts from fc1 without the gate, and its
// attention has no rotary positions.
//
// The paper covers language models (T5, BART) and CLIP; this is a port to ViT. The side blocks are ViT blocks (pre-norm, GELU,
// biases) with the backbone's number of heads, each 1/8 as wide, as the code divides T5's heads. Every block has a side block;
// the code's script for T5-base leaves out three of twelve. The classifier sees the class token, as in the code's CLIP-ViL
// variant. Deviations: y passes through the backbone's frozen final LayerNorm, as with every method of this program; no
// dropout; pruning ranks by magnitude, where the code's scripts use Fisher information.
//
// Parameters on ViT-B/16: 12 blocks of 111,840, 13 maps of 73,824, U 74,496, norm 192, 12 gates: 2,376,492, the published
// 2.38 M. (The comparison figure of the DTL paper prints 2.34 M.)
type ladder struct {
	base
	reduction int
}

// ladderTemperature sharpens the gates: a_i is divided by it (T = 0.1 in paper and code).
const ladderTemperature = 0.1

func init() {
	options := []Option{{"reduction", Whole, "factor by which the side network's heads are narrower than the backbone's", "8"}}
	Register(Definition{Name: "lst", Place: 130, Options: options, Supports: oneStage("LST carries one state through all blocks, which must be of one size"), New: func(o *Reader, a backbone.Architecture) Method {
		width := a.Blocks()[0].Width / a.Blocks()[0].Heads
		// Leave at least 2 channels a head, or LayerNorm has too little to normalise: heads narrower than 16 get a smaller default.
		return ladder{base{"lst"}, o.Whole("reduction", max(1, min(8, width/2)), 1, width, "the width of the backbone's heads")}
	}})
}

// width is the side network's width w.
func (l ladder) width(b backbone.Block) int { return b.Heads * (b.Width / b.Heads / l.reduction) }

// hidden is the number of units of the side network's MLPs.
func (l ladder) hidden(b backbone.Block) int { return max(1, b.MLP/l.reduction) }

// affine is a linear layer, laid out as in PyTorch's nn.Linear, or a LayerNorm's scale and bias.
type affine struct{ weight, bias graph.Value }

// sideLayers names the layers of a side block by the tap of the corresponding backbone layer.
var sideLayers = map[backbone.Point]string{
	backbone.Norm1: "norm1", backbone.Query: "attn.q", backbone.Key: "attn.k", backbone.Value: "attn.v",
	backbone.Projection: "attn.proj", backbone.Norm2: "norm2", backbone.FC1: "mlp.fc1", backbone.FC2: "mlp.fc2",
}

func sideName(p backbone.Point, block int) string {
	if p == backbone.FinalNorm {
		return "final_side_layer_norm"
	}
	return fmt.Sprintf("side_block.%d.%s", block, sideLayers[p])
}

func (l ladder) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	all := a.Blocks()
	d, w, hidden := all[0].Width, l.width(all[0]), l.hidden(all[0])
	linear := func(name string, init Init, in, out int) affine {
		return affine{p.Declare(name+".weight", init, out, in), p.DeclareFree(name+".bias", Zeros, out)}
	}
	small := TruncatedNormal(0.01)
	first := linear("side_first_downsample", small, d, w)
	ladders, gates := make([]affine, len(all)), make([]graph.Value, len(all))
	blocks := make([]map[backbone.Point]affine, len(all))
	for i := range all {
		ladders[i] = linear(fmt.Sprintf("side_downsamples.%d", i), small, d, w)
		gates[i] = p.Declare(fmt.Sprintf("side_gate_params.%d", i), Zeros, 1)
		blocks[i] = map[backbone.Point]affine{}
		for point := backbone.Norm1; point <= backbone.FC2; point++ {
			switch in, out := w, w; point {
			case backbone.Norm1, backbone.Norm2:
				blocks[i][point] = l.norm(p, sideName(point, i), w)
			case backbone.FC1, backbone.FC2:
				if out = hidden; point == backbone.FC2 {
					in, out = hidden, w
				}
				fallthrough
			case backbone.Query, backbone.Key, backbone.Value, backbone.Projection:
				blocks[i][point] = linear(sideName(point, i), Zeros, in, out) // see Derive
			}
		}
	}
	final := l.norm(p, sideName(backbone.FinalNorm, backbone.Outside), w)
	last := linear("side_final_upsample", small, w, d)
	p.Derive(func(weights tensor.Map) (tensor.Map, error) { return l.prune(a, weights) })

	return func() backbone.Hook {
		var h graph.Value
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			switch at.Point {
			case backbone.Tokens:
				h = b.In("down").AffineT(out, first.weight, first.bias)
			case backbone.BlockOutput:
				down := ladders[at.Block.Index]
				rung := b.In("down").AffineT(out, down.weight, down.bias)
				h = sideBlock(b.In("side"), at.Block.Heads, a.NormEps(), blocks[at.Block.Index], b.Blend(h, rung, gates[at.Block.Index], ladderTemperature))
				if at.Block.Index == len(all)-1 {
					y := b.In("final").LayerNorm(h, final.weight, final.bias, a.NormEps())
					return b.In("up").AffineT(y, last.weight, last.bias)
				}
			}
			return out
		}
	}
}

// norm declares the scale and bias of a LayerNorm.
func (l ladder) norm(p *Params, name string, width int) affine {
	return affine{p.Declare(name+".weight", Zeros, width), p.DeclareFree(name+".bias", Zeros, width)} // see Derive
}

// sideBlock is a pre-norm ViT block of the side network: [B, T, w] -> [B, T, w].
func sideBlock(b *graph.Builder, heads int, eps float64, layers map[backbone.Point]affine, h graph.Value) graph.Value {
	apply := func(b *graph.Builder, p backbone.Point, x graph.Value) graph.Value {
		return b.AffineT(x, layers[p].weight, layers[p].bias)
	}
	norm := func(b *graph.Builder, p backbone.Point, x graph.Value) graph.Value {
		return b.LayerNorm(x, layers[p].weight, layers[p].bias, eps)
	}
	attn := b.In("attn")
	y := norm(attn, backbone.Norm1, h)
	q, k, v := apply(attn.In("query"), backbone.Query, y), apply(attn.In("key"), backbone.Key, y), apply(attn.In("value"), backbone.Value, y)
	h = b.Add(h, apply(attn.In("out"), backbone.Projection, attn.Attention(q, k, v, heads)))
	mlp := b.In("mlp")
	y = mlp.Rows(norm(mlp, backbone.Norm2, h))
	y = apply(mlp.In("fc2"), backbone.FC2, mlp.GELU(apply(mlp.In("fc1"), backbone.FC1, y)))
	return b.Add(h, b.Reshape(y, h.Shape...))
}
