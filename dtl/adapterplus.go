package dtl

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// adapterPlus is Adapter+ (Steitz and Roth, "Adapters Strike Back", CVPR 2024, arXiv 2406.06820, section 4): an adapter after each
// block, with a learned scale for each channel.
//
//	z <- z + c drop(W_up GELU(W_down z + b_down) + b_up)       z [B, T, d] the block's output, W_down [r, d], W_up [d, r], c [d]
//
// As in the official code (visinf/adapter_plus, configuration "post" without norm, scaling "channel"), the weights start from a normal
// distribution of deviation 0.01 that is cut at two deviations, biases at 0 and c at 1, and neither biases nor c have weight decay.
// Tensors have its names. drop is stochastic depth, which drops all of the adapters at the same rate and independently of the
// backbone's branches. Deviation: that rate is the one of the backbone's last block; the code has two settings, both 0.1.
//
// Parameters on ViT-B/16: 12 (2 * 768 r + r + 2 * 768): 0.17 M at r = 8.
type adapterPlus struct {
	base
	bottleneck int
}

func init() {
	Register(Definition{Name: "adapter+", Place: 65, Options: []Option{bottleneckOption}, New: func(o *Reader, a backbone.Architecture) Method {
		return adapterPlus{base{"adapter+"}, o.bottleneck(a)}
	}})
}

// branched is a method that adds a branch to each block (see backbone.OwnBranch). Stochastic depth drops these branches too.
type branched interface{ ownBranch() }

func (adapterPlus) ownBranch() {}

func (adapterPlus) actsByToken() {}

func (m adapterPlus) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	type adapter struct {
		bottleneckMaps
		scale graph.Value
	}
	var adapters []adapter
	for _, block := range a.Blocks() {
		name, near := blockPrefix(a, block)+"adapter.", cutNormal(0.01)
		adapters = append(adapters, adapter{bottleneckMaps{
			p.Declare(name+"bottleneck.1.weight", near, m.bottleneck, block.Width), p.DeclareFree(name+"bottleneck.1.bias", Zeros, m.bottleneck),
			p.Declare(name+"bottleneck.4.weight", near, block.Width, m.bottleneck), p.DeclareFree(name+"bottleneck.4.bias", Zeros, block.Width),
		}, p.DeclareFree(name+"scaling", ones, block.Width)})
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, z, out graph.Value) graph.Value {
			if at.Point != backbone.OwnBranch {
				return out
			}
			w := adapters[at.Block.Index]
			// Scaling the map instead of its result saves no value of the width d for the gradient of c.
			w.up, w.upBias = b.ScaleRows(w.up, w.scale), b.ScaleChannels(w.upBias, w.scale)
			return w.expand(b, b.GELU(w.reduce(b, z)))
		}
	}
}
