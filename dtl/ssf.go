package dtl

import (
	"fmt"
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// ssf scales and shifts features (Lian et al., "Scaling & Shifting Your Features", NeurIPS 2022, arXiv 2210.08823,
// section 3.2):
//
//	y = gamma * x + beta       gamma, beta [width of x]
//
// after every linear layer, every LayerNorm and the patch embedding, as in the official code (dongzelian/SSF). As there,
// gamma is drawn around 1 and beta around 0 with standard deviation 0.02, so training does not start exactly at the
// backbone's own function, and neither has weight decay, like all one-dimensional tensors. The code's joint gamma and beta
// of query, key and value [3d] are split into three here; the other names are the code's. After training, both can be merged
// into the layer before them (the paper's re-parameterization; see Merge).
//
// The official code has no SwiGLU. Here its gate, and the norm of the hidden units of EVA-02, have pairs like every other layer, and so
// has the norm before the first block of CLIP. With LayerScale, which is folded into the layer before it, the pair acts behind both.
//
// In a Swin there are also pairs after the norm of the patch embedding and after the norm of each patch merging, 4 d wide, but
// none after the merging's linear layer. Deviation: the code's PatchMerging declares the pair of the merging, but SwinTransformer
// passes it a list of modes, which never equals "ssf", so the code's Swin-B lacks these 7,168 parameters.
type ssf struct{ base }

func init() {
	Register(Definition{Name: "ssf", Place: 90, New: func(*Reader, backbone.Architecture) Method { return ssf{base{"ssf"}} }})
}

// ssfLayer is a pair of gamma and beta.
type ssfLayer struct {
	at           backbone.Tap
	scale, shift string // names of gamma and beta
	width        int
}

// ssfLayers lists the pairs in the order of the forward pass, at those points where a layer ends in the architecture.
func ssfLayers(a backbone.Architecture) []ssfLayer {
	layer := func(point backbone.Point, block backbone.Block, name, suffix string, width int) ssfLayer {
		at := backbone.Tap{Point: point, Block: block}
		return ssfLayer{at, name + "ssf_scale_" + suffix, name + "ssf_shift_" + suffix, width}
	}
	blocks := a.Blocks()
	first, last := blocks[0], blocks[len(blocks)-1]
	list := []ssfLayer{
		layer(backbone.PatchEmbedding, first.Outside(), "patch_embed.", "1", first.Width),
		layer(backbone.EmbeddingNorm, first.Outside(), "patch_embed.", "2", first.Width),
	}
	for _, block := range blocks {
		d, name := block.Width, blockPrefix(a, block)
		list = append(list,
			layer(backbone.Norm1, block, name, "1", d),
			layer(backbone.Query, block, name+"attn.", "q", d),
			layer(backbone.Key, block, name+"attn.", "k", d),
			layer(backbone.Value, block, name+"attn.", "v", d),
			layer(backbone.Projection, block, name+"attn.", "2", d),
			layer(backbone.Norm2, block, name, "2", d),
			layer(backbone.FC1, block, name+"mlp.", "1", block.MLP),
			layer(backbone.Gate, block, name+"mlp.", "gate", block.MLP),
			layer(backbone.InnerNorm, block, name+"mlp.", "norm", block.MLP),
			layer(backbone.FC2, block, name+"mlp.", "2", d),
			layer(backbone.MergeNorm, block, fmt.Sprintf("layers.%d.downsample.", block.Stage), "1", 4*d),
		)
	}
	list = append(list, layer(backbone.FinalNorm, last.Outside(), "", "1", last.Width))
	return slices.DeleteFunc(list, func(l ssfLayer) bool {
		_, _, ok := a.LayerWeights(l.at)
		return !ok
	})
}

func (ssf) actsByToken() {}

func (ssf) Attach(p *Params, a backbone.Architecture) func() backbone.Hook {
	type pair struct{ scale, shift graph.Value }
	pairs := map[backbone.Tap]pair{}
	for _, l := range ssfLayers(a) {
		pairs[l.at] = pair{
			p.DeclareFree(l.scale, normalAround(1, 0.02), l.width), p.DeclareFree(l.shift, normalAround(0, 0.02), l.width),
		}
	}
	return func() backbone.Hook {
		return func(b *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
			if w, ok := pairs[at]; ok {
				return b.ScaleShift(out, w.scale, w.shift)
			}
			return out
		}
	}
}

// mergesIntoBiases: every layer needs a bias to take beta.
func (ssf) mergesIntoBiases() bool { return true }

// merge is W <- W diag(gamma), b <- gamma b + beta (the paper's re-parameterization), where W may be a LayerNorm's scale.
func (ssf) merge(m *merger, a backbone.Architecture) {
	for _, l := range ssfLayers(a) {
		gamma, beta := m.parameter(l.scale, l.width), m.parameter(l.shift, l.width)
		kernel, bias, _ := a.LayerWeights(l.at)
		w, b := m.weight(kernel, l.width), m.weight(bias, l.width)
		for i := range w {
			w[i] *= gamma[i%l.width]
		}
		for i := range b {
			b[i] = b[i]*gamma[i] + beta[i]
		}
	}
}
