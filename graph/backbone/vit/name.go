package vit

import (
	"fmt"
	"slices"

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

// HeadNames implements backbone.Architecture.
func (a Architecture) HeadNames() (kernel, bias string) { return headKernel, headBias }

func inBlock(i int, name string) string { return fmt.Sprintf(blockTemplate, i) + name }

// blockSpecs lists the weights of one block.
func (a Architecture) blockSpecs(i int) []backbone.Spec {
	d, h, m := a.Width, a.Heads, a.MLP
	norm := func(name string) []backbone.Spec {
		return []backbone.Spec{{Name: inBlock(i, name+"/scale"), Shape: []int{d}, Role: backbone.Scale}, {Name: inBlock(i, name+"/bias"), Shape: []int{d}, Role: backbone.Bias}}
	}
	linear := func(name string, kernel, bias []int) []backbone.Spec {
		return []backbone.Spec{{Name: inBlock(i, name+"/kernel"), Shape: kernel, Role: backbone.Kernel}, {Name: inBlock(i, name+"/bias"), Shape: bias, Role: backbone.Bias}}
	}
	return slices.Concat(
		norm("LayerNorm_0"),
		linear("MultiHeadDotProductAttention_1/query", []int{d, h, d / h}, []int{h, d / h}),
		linear("MultiHeadDotProductAttention_1/key", []int{d, h, d / h}, []int{h, d / h}),
		linear("MultiHeadDotProductAttention_1/value", []int{d, h, d / h}, []int{h, d / h}),
		linear("MultiHeadDotProductAttention_1/out", []int{h, d / h, d}, []int{d}),
		norm("LayerNorm_2"),
		linear("MlpBlock_3/Dense_0", []int{d, m}, []int{m}),
		linear("MlpBlock_3/Dense_1", []int{m, d}, []int{d}),
	)
}

// Specs lists every weight of the architecture, including those of the own head.
func (a Architecture) Specs() []backbone.Spec {
	d := a.Width
	specs := []backbone.Spec{
		{Name: patchKernel, Shape: []int{a.Patch, a.Patch, 3, d}, Role: backbone.Kernel}, {Name: patchBias, Shape: []int{d}, Role: backbone.Bias},
		{Name: classToken, Shape: []int{1, 1, d}, Role: backbone.Embedding}, {Name: positions, Shape: []int{1, a.Tokens(), d}, Role: backbone.Embedding},
	}
	for i := range a.Depth {
		specs = append(specs, a.blockSpecs(i)...)
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

// blockLayer names the layer of a block that ends at a tap.
var blockLayer = map[backbone.Point]string{
	backbone.Norm1:      "LayerNorm_0",
	backbone.Query:      "MultiHeadDotProductAttention_1/query",
	backbone.Key:        "MultiHeadDotProductAttention_1/key",
	backbone.Value:      "MultiHeadDotProductAttention_1/value",
	backbone.Projection: "MultiHeadDotProductAttention_1/out",
	backbone.Norm2:      "LayerNorm_2",
	backbone.FC1:        "MlpBlock_3/Dense_0",
	backbone.FC2:        "MlpBlock_3/Dense_1",
}

// LayerWeights implements backbone.Architecture.
func (a Architecture) LayerWeights(at backbone.Tap) (kernel, bias string, ok bool) {
	switch at.Point {
	case backbone.PatchEmbedding:
		return patchKernel, patchBias, true
	case backbone.FinalNorm:
		return finalScale, finalBias, true
	}
	name, ok := blockLayer[at.Point]
	if !ok {
		return "", "", false
	}
	name = inBlock(at.Block.Index, name)
	if at.Point == backbone.Norm1 || at.Point == backbone.Norm2 {
		return name + "/scale", name + "/bias", true
	}
	return name + "/kernel", name + "/bias", true
}
