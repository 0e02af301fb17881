package vit

import (
	"maps"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// scaled is LayerScale of a branch, if the architecture has it.
func (v layers) scaled(b *graph.Builder, name string, branch graph.Value) graph.Value {
	if !v.arch.LayerScale {
		return branch
	}
	return b.ScaleChannels(branch, v.Weight(inBlock(v.Index, name), v.Width))
}

// fold implements backbone.Family.Fold: g (W x + b) = (g W) x + g b, so a frozen LayerScale is part of the layer before it.
func fold(arch backbone.Architecture, weights tensor.Map) (backbone.Architecture, tensor.Map) {
	a := arch.(Architecture)
	if !a.LayerScale {
		return a, weights
	}
	a.LayerScale = false
	if weights == nil {
		return a, nil
	}
	weights = maps.Clone(weights)
	for i := range a.Depth {
		for scale, layer := range map[string]string{scaleAttention: attention + "out", scaleMLP: denseOut} {
			scale, layer = inBlock(i, scale), inBlock(i, layer)
			factors := weights[scale]
			for _, name := range []string{layer + "/kernel", layer + "/bias"} {
				weights[name] = scaledColumns(weights[name], factors)
			}
			delete(weights, scale)
		}
	}
	return a, weights
}

// scaledColumns is t [..., d] times factors [d].
func scaledColumns(t, factors tensor.Tensor) tensor.Tensor {
	return tensor.Compute(func(in ...tensor.Tensor) tensor.Tensor { return scaled(in[0].Clone(), in[1].Float32()) }, t.Shape, t, factors)
}

// scaled multiplies t [..., d] by factors [d], in place.
func scaled(t tensor.Tensor, factors []float32) tensor.Tensor {
	values := t.Float32()
	for at := 0; at+len(factors) <= len(values); at += len(factors) {
		row := values[at:][:len(factors)]
		for c, factor := range factors {
			row[c] *= factor
		}
	}
	return t
}

// addBiases implements backbone.Family.AddBiases.
func addBiases(arch backbone.Architecture, weights tensor.Map) (backbone.Architecture, tensor.Map) {
	a := arch.(Architecture)
	a.QKVBias, a.NoPatchBias = "", false
	if a == arch {
		return a, weights
	}
	weights = maps.Clone(weights)
	for _, s := range a.Specs() {
		if _, ok := weights[s.Name]; !ok && s.Role == backbone.Bias && !s.Head {
			weights[s.Name] = tensor.Zeros(s.Shape...)
		}
	}
	return a, weights
}
