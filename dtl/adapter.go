package dtl

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// bottleneckAdapter is the adapter of Houlsby et al. ("Parameter-Efficient Transfer Learning for NLP", ICML 2019,
// arXiv 1902.00751, section 2.1). As in Pfeiffer et al. (AdapterFusion, arXiv 2005.00247) and in the tables of VTAB-1k
// (NOAH, arXiv 2206.04673, size 8), each block has one, after the MLP:
//
//	y = MLP(norm2(x))
//	x <- x + y + W_up GELU(W_down y + b_down) + b_up       W_down [r, d], W_up [d, r]
//
// It is part of the MLP branch, so stochastic depth drops both together, as in VPT's code (adapter_block.py).
//
// Deviations: W_up starts at zero, which makes the paper's near-identity exact (section 2: "near-zero"). VPT's code
// starts both maps at zero, where neither has a gradient; NOAH's draws both with standard deviation 0.02. The GELU is
// exact, as in VPT's code; NOAH's is x sigmoid(1.702 x). No dropout.
type bottleneckAdapter struct {
	base
	bottleneck int
}

func init() {
	Register(Definition{Name: "adapter", Place: 60, Options: []Option{bottleneckOption}, New: func(o *Reader, a backbone.Architecture) Method {
		return bottleneckAdapter{base{"adapter"}, o.bottleneck(a)}
	}})
}

// bottleneckOption is the width r between the two maps of an adapter.
var bottleneckOption = Option{"bottleneck", Whole, "width between the two maps of an adapter", "8"}

func (r *Reader) bottleneck(a backbone.Architecture) int {
	width := narrowest(a)
	return r.Whole("bottleneck", min(8, width), 1, width, "the width of the backbone")
}

func (bottleneckAdapter) actsByToken() {}

func (m bottleneckAdapter) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	var maps []bottleneckMaps
	for _, block := range a.Blocks() {
		maps = append(maps, declareBottleneck(p, blockPrefix(a, block)+"adapter_", "downsample", "upsample", block.Width, m.bottleneck))
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if at.Point != backbone.MLPBranch {
				return out
			}
			w := maps[at.Block.Index]
			return b.Add(out, w.expand(b, b.GELU(w.reduce(b, out))))
		}
	}
}

// bottleneckMaps are the two linear maps of an adapter, d -> r -> d, laid out as in PyTorch's nn.Linear.
type bottleneckMaps struct{ down, downBias, up, upBias graph.Value }

// declareBottleneck declares the maps under the names PREFIX+DOWN and PREFIX+UP. W_up and both biases start at zero.
func declareBottleneck(p *Params, prefix, down, up string, d, r int) bottleneckMaps {
	return bottleneckMaps{
		p.Declare(prefix+down+".weight", KaimingUniform, r, d), p.DeclareFree(prefix+down+".bias", Zeros, r),
		p.Declare(prefix+up+".weight", Zeros, d, r), p.DeclareFree(prefix+up+".bias", Zeros, d),
	}
}

// reduce is W_down x + b_down: [..., d] -> [..., r].
func (w bottleneckMaps) reduce(b *graph.Builder, x graph.Value) graph.Value {
	return b.In("down").AffineT(x, w.down, w.downBias)
}

// expand is W_up x + b_up: [..., r] -> [..., d].
func (w bottleneckMaps) expand(b *graph.Builder, x graph.Value) graph.Value {
	return b.In("up").AffineT(x, w.up, w.upBias)
}
