package vit

import "dtl-tf/graph/backbone"

// Specs implements backbone.Architecture.
func (a Architecture) Specs() []backbone.Spec {
	l := &specList{}
	l.embedding(a)
	for i := range a.Depth {
		for _, layer := range a.blockLayers() {
			role := backbone.Kernel
			if layer.isNorm() {
				role = backbone.Scale
			}
			kernel, bias := layer.weights(i)
			l.layer(kernel, role, layer.kernel, bias, layer.bias)
		}
		if a.LayerScale {
			l.add(inBlock(i, scaleAttention), backbone.Scale, a.Width)
			l.add(inBlock(i, scaleMLP), backbone.Scale, a.Width)
		}
	}
	d := a.Width
	l.layer(finalScale, backbone.Scale, []int{d}, finalBias, []int{d})
	if a.MapPool {
		l.add(mapQuery, backbone.Embedding, 1, 1, d)
		for _, layer := range a.mapLayers() {
			role := backbone.Kernel
			if layer.isNorm() {
				role = backbone.Scale
			}
			l.layer(layer.kernelName(), role, layer.kernel, layer.name+"/bias", layer.bias)
		}
	}
	l.head = true
	in := a.headWidth()
	if a.Hidden > 0 {
		l.layer(hiddenKernel, backbone.Kernel, []int{in, a.Hidden}, hiddenBias, []int{a.Hidden})
		in = a.Hidden
	}
	if a.Labels > 0 {
		bias := headBias
		if a.NoHeadBias {
			bias = ""
		}
		l.layer(headKernel, backbone.Kernel, []int{in, a.Labels}, bias, []int{a.Labels})
	}
	return l.specs
}

// headWidth is the number of features that the own head reads.
func (a Architecture) headWidth() int {
	if a.WideHead {
		return 2 * a.Width
	}
	return a.Width
}

// specList collects specs.
type specList struct {
	specs []backbone.Spec
	head  bool // of the own head from now on
}

func (l *specList) add(name string, role backbone.Role, shape ...int) {
	l.specs = append(l.specs, backbone.Spec{Name: name, Shape: shape, Role: role, Head: l.head})
}

// layer adds a kernel, or a scale, and the bias unless its name is empty.
func (l *specList) layer(kernel string, role backbone.Role, shape []int, bias string, biasShape []int) {
	l.add(kernel, role, shape...)
	if bias != "" {
		l.add(bias, backbone.Bias, biasShape...)
	}
}

// embedding adds the patch embedding, the prefix tokens, the positions and the norm before the first block.
func (l *specList) embedding(a Architecture) {
	d, bias := a.Width, patchBias
	if a.NoPatchBias {
		bias = ""
	}
	l.layer(patchKernel, backbone.Kernel, []int{a.Patch, a.Patch, 3, d}, bias, []int{d})
	for _, token := range a.prefixTokens() {
		l.add(token.name, backbone.Embedding, 1, token.count, d)
	}
	if n := a.positions(); n > 0 {
		l.add(positions, backbone.Embedding, 1, n, d)
	}
	if a.PreNorm {
		l.layer(preScale, backbone.Scale, []int{d}, preBias, []int{d})
	}
}

// LayerWeights implements backbone.Architecture.
func (a Architecture) LayerWeights(at backbone.Tap) (kernel, bias string, ok bool) {
	switch {
	case at.Point == backbone.PatchEmbedding && a.NoPatchBias:
		return patchKernel, "", true
	case at.Point == backbone.PatchEmbedding:
		return patchKernel, patchBias, true
	case at.Point == backbone.EmbeddingNorm:
		return preScale, preBias, a.PreNorm
	case at.Point == backbone.FinalNorm:
		return finalScale, finalBias, true
	}
	for _, l := range a.blockLayers() {
		if l.point == at.Point {
			kernel, bias = l.weights(at.Block.Index)
			return kernel, bias, true
		}
	}
	return "", "", false
}
