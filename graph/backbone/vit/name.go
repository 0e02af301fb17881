package vit

import (
	"fmt"

	"dtl-tf/graph/backbone"
)

// Throughout the program weights have the names and shapes of Google's .npz files: kernels are
// [in, out], the patch embedding [p, p, 3, d], query, key and value [d, heads, d/heads].
const (
	patchKernel   = "embedding/kernel"
	patchBias     = "embedding/bias"
	classToken    = "cls"
	positions     = "Transformer/posembed_input/pos_embedding"
	finalScale    = "Transformer/encoder_norm/scale"
	finalBias     = "Transformer/encoder_norm/bias"
	hiddenKernel  = "pre_logits/kernel"
	hiddenBias    = "pre_logits/bias"
	headKernel    = "head/kernel"
	headBias      = "head/bias"
	blockTemplate = "Transformer/encoderblock_%d/"
)

func (a Architecture) HeadNames() (kernel, bias string) { return headKernel, headBias }

func inBlock(i int, name string) string { return fmt.Sprintf(blockTemplate, i) + name }

// layer is a layer of a block, or one of its norms: the tap at which it ends, its name, and the shapes of its weights.
type layer struct {
	point        backbone.Point
	name         string
	kernel, bias []int
}

func (l layer) isNorm() bool { return len(l.kernel) == 1 }

// blockLayers lists the layers of a block in the order of their weights.
func (a Architecture) blockLayers() []layer {
	d, h, m := a.Width, a.Heads, a.MLP
	return []layer{
		{backbone.Norm1, "LayerNorm_0", []int{d}, []int{d}},
		{backbone.Query, "MultiHeadDotProductAttention_1/query", []int{d, h, d / h}, []int{h, d / h}},
		{backbone.Key, "MultiHeadDotProductAttention_1/key", []int{d, h, d / h}, []int{h, d / h}},
		{backbone.Value, "MultiHeadDotProductAttention_1/value", []int{d, h, d / h}, []int{h, d / h}},
		{backbone.Projection, "MultiHeadDotProductAttention_1/out", []int{h, d / h, d}, []int{d}},
		{backbone.Norm2, "LayerNorm_2", []int{d}, []int{d}},
		{backbone.FC1, "MlpBlock_3/Dense_0", []int{d, m}, []int{m}},
		{backbone.FC2, "MlpBlock_3/Dense_1", []int{m, d}, []int{d}},
	}
}

// weights names the kernel (the scale of a norm) and the bias of the layer in block i.
func (l layer) weights(i int) (kernel, bias string) {
	name := inBlock(i, l.name)
	if l.isNorm() {
		return name + "/scale", name + "/bias"
	}
	return name + "/kernel", name + "/bias"
}

func (a Architecture) Specs() []backbone.Spec {
	d := a.Width
	specs := []backbone.Spec{
		{Name: patchKernel, Shape: []int{a.Patch, a.Patch, 3, d}, Role: backbone.Kernel}, {Name: patchBias, Shape: []int{d}, Role: backbone.Bias},
		{Name: classToken, Shape: []int{1, 1, d}, Role: backbone.Embedding}, {Name: positions, Shape: []int{1, a.Tokens(), d}, Role: backbone.Embedding},
	}
	for i := range a.Depth {
		for _, l := range a.blockLayers() {
			role := backbone.Kernel
			if l.isNorm() {
				role = backbone.Scale
			}
			kernel, bias := l.weights(i)
			specs = append(specs, backbone.Spec{Name: kernel, Shape: l.kernel, Role: role}, backbone.Spec{Name: bias, Shape: l.bias, Role: backbone.Bias})
		}
	}
	specs = append(specs, backbone.Spec{Name: finalScale, Shape: []int{d}, Role: backbone.Scale}, backbone.Spec{Name: finalBias, Shape: []int{d}, Role: backbone.Bias})
	head := func(kernel, bias string, in, out int) {
		specs = append(specs,
			backbone.Spec{Name: kernel, Shape: []int{in, out}, Role: backbone.Kernel, Head: true}, backbone.Spec{Name: bias, Shape: []int{out}, Role: backbone.Bias, Head: true})
	}
	in := d
	if a.Hidden > 0 {
		head(hiddenKernel, hiddenBias, d, a.Hidden)
		in = a.Hidden
	}
	if a.Labels > 0 {
		head(headKernel, headBias, in, a.Labels)
	}
	return specs
}

func (a Architecture) LayerWeights(at backbone.Tap) (kernel, bias string, ok bool) {
	switch at.Point {
	case backbone.PatchEmbedding:
		return patchKernel, patchBias, true
	case backbone.FinalNorm:
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
