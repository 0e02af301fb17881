package dtl

import (
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// bypass is Res-Tuning-Bypass (Jiang et al., "Res-Tuning: A Flexible and Efficient Tuning Paradigm via Unbinding Tuner from
// Backbone", NeurIPS 2023, arXiv 2310.19859, section 3.3): a second stream beside the frozen backbone, made of two adapters for
// each block, a lateral one L_i of the block's output h_i and a vertical one V_i of the stream:
//
//	x_0 = h_0                       the tokens [B, T, d]
//	x_i = L_i(h_i) + V_i(x_i-1)     L_i, V_i: u -> u + W_2 GELU(W_1 u + b_1) + b_2, W_1 [r, d], W_2 [d, r]
//
// x_N replaces the backbone's last output. Each L_i and V_i has its own identity, so x_N is h_0 + sum h_i and corrections. No gradient
// enters the backbone: the step needs only the h_i.
//
// As in the authors' code (modelscope/ms-swift, swift/tuners/restuning.py and restuning_components.py) the weights start
// Xavier-uniform and the biases normal with standard deviation 1e-6; with zero-last W_2 and b_2 of the last pair start at zero.
// Tensors have its names. Deviation: x_N passes through the backbone's frozen final LayerNorm, as with every method of this program.
//
// Parameters on ViT-B/16: 24 (2 * 768 r + r + 768): 1.199 M at r = 32, 0.314 M at r = 8.
type bypass struct {
	base
	bottleneck int
	zeroLast   bool
}

func init() {
	options := []Option{
		{bottleneckOption.Name, Whole, bottleneckOption.Text, "32"},
		{"zero-last", Whole, "1: the last pair of adapters of the bypass starts as the identity, 0: it starts random", "0"},
	}
	Register(Definition{Name: "res-tuning-bypass", Place: 140, Options: options, Supports: oneStage("Res-Tuning-Bypass carries one state through all blocks, which must be of one size"), New: func(o *Reader, a backbone.Architecture) Method {
		width := narrowest(a)
		r := o.Whole(bottleneckOption.Name, min(32, width), 1, width, "the width of the backbone")
		return bypass{base{"res-tuning-bypass"}, r, o.Whole("zero-last", 0, 0, 1, "") == 1}
	}})
}

func (m bypass) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	blocks := a.Blocks()
	lateral, vertical := make([]bottleneckMaps, len(blocks)), make([]bottleneckMaps, len(blocks))
	for i, block := range blocks {
		up, upBias := xavierUniform, tiny
		if m.zeroLast && i == len(blocks)-1 {
			up, upBias = Zeros, Zeros
		}
		declare := func(tuner string) bottleneckMaps {
			name := fmt.Sprintf("bypass_blocks.%d.%s_tuner.tuner.", i, tuner)
			return bottleneckMaps{
				p.Declare(name+"ln1.weight", xavierUniform, m.bottleneck, block.Width), p.DeclareFree(name+"ln1.bias", tiny, m.bottleneck),
				p.Declare(name+"ln2.weight", up, block.Width, m.bottleneck), p.DeclareFree(name+"ln2.bias", upBias, block.Width),
			}
		}
		lateral[i], vertical[i] = declare("lateral"), declare("vertical")
	}
	return func() backbone.Hook {
		var x graph.Value // the bypass [B, T, d]
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			switch at.Point {
			case backbone.Tokens:
				x = out
			case backbone.BlockOutput:
				i := at.Block.Index
				x = b.Add(lateral[i].residual(b.In("lateral"), out), vertical[i].residual(b.In("vertical"), x))
				if i == len(blocks)-1 {
					return x
				}
			}
			return out
		}
	}
}

// residual is x + W_up GELU(W_down x + b_down) + b_up: [..., d] -> [..., d].
func (w bottleneckMaps) residual(b *graph.Builder, x graph.Value) graph.Value {
	return b.Add(x, w.expand(b, b.GELU(w.reduce(b, x))))
}

// tiny draws biases that are nearly zero.
var tiny = normalAround(0, 1e-6)
