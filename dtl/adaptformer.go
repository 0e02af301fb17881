package dtl

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// adaptFormer is AdaptFormer (Chen et al., NeurIPS 2022, arXiv 2205.13535, section 3.2): an adapter beside the MLP.
//
//	z    = x_i + attention(norm1(x_i))
//	x_i+1 = z + MLP(norm2(z)) + s (W_up ReLU(W_down z + b_down) + b_up)       W_down [r, d], W_up [d, r], s = 0.1
//
// As in the official code (ShoufaChen/AdaptFormer, its configuration for images), the adapter reads z itself, where
// the paper writes LN(z); stochastic depth does not drop it; W_up and the biases start at zero, W_down as PyTorch's
// linear layer does. The paper's size is 64, the tables of VTAB-1k use 8. Deviation: no dropout between the maps
// (0.1 there).
type adaptFormer struct {
	base
	bottleneck int
	scale      float64
}

func init() {
	options := []Option{bottleneckOption, {"scale", Number, "scale of what the method adds", "0.1"}}
	Register(Definition{Name: "adaptformer", Place: 70, Options: options, New: func(o *Reader, a backbone.Architecture) Method {
		return adaptFormer{base{"adaptformer"}, o.bottleneck(a), o.Positive("scale", 0.1)}
	}})
}

func (adaptFormer) actsByToken() {}

func (m adaptFormer) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	var maps []bottleneckMaps
	for _, block := range a.Blocks() {
		maps = append(maps, declareBottleneck(p, blockPrefix(a, block)+"adaptmlp.", "down_proj", "up_proj", block.Width, m.bottleneck))
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
			if at.Point != backbone.MLPOutput { // after stochastic depth
				return out
			}
			w := maps[at.Block.Index]
			return b.Add(out, b.Scale(w.expand(b, b.ReLU(w.reduce(b, in))), m.scale))
		}
	}
}
