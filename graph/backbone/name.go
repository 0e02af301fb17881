package backbone

import (
	"fmt"
	"slices"
)

// Weights go by the names and shapes of Google's .npz files throughout the program: kernels are
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

// HeadKernel and HeadBias name the backbone's own classifier [d, classes], [classes].
const (
	HeadKernel = headKernel
	HeadBias   = headBias
)

func inBlock(i int, name string) string { return fmt.Sprintf(blockTemplate, i) + name }

// blockSpecs lists the weights of one block.
func (a Architecture) blockSpecs(i int) []Spec {
	d, h, m := a.Width, a.Heads, a.MLP
	norm := func(name string) []Spec {
		return []Spec{{Name: inBlock(i, name+"/scale"), Shape: []int{d}, Role: Scale}, {Name: inBlock(i, name+"/bias"), Shape: []int{d}, Role: Bias}}
	}
	linear := func(name string, kernel, bias []int) []Spec {
		return []Spec{{Name: inBlock(i, name+"/kernel"), Shape: kernel, Role: Kernel}, {Name: inBlock(i, name+"/bias"), Shape: bias, Role: Bias}}
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

// Specs lists every weight of the architecture, the own head included if it has one.
func (a Architecture) Specs() []Spec {
	d := a.Width
	specs := []Spec{
		{Name: patchKernel, Shape: []int{a.Patch, a.Patch, 3, d}, Role: Kernel}, {Name: patchBias, Shape: []int{d}, Role: Bias},
		{Name: classToken, Shape: []int{1, 1, d}, Role: Embedding}, {Name: positions, Shape: []int{1, a.Tokens(), d}, Role: Embedding},
	}
	for i := range a.Depth {
		specs = append(specs, a.blockSpecs(i)...)
	}
	specs = append(specs, Spec{Name: finalScale, Shape: []int{d}, Role: Scale}, Spec{Name: finalBias, Shape: []int{d}, Role: Bias})
	head := func(kernel, bias string, in, out int) {
		specs = append(specs,
			Spec{Name: kernel, Shape: []int{in, out}, Role: Kernel, Head: true}, Spec{Name: bias, Shape: []int{out}, Role: Bias, Head: true})
	}
	in := d
	if a.Hidden > 0 {
		head(hiddenKernel, hiddenBias, d, a.Hidden)
		in = a.Hidden
	}
	if a.Classes > 0 {
		head(headKernel, headBias, in, a.Classes)
	}
	return specs
}

// blockLayer names the layer of a block that ends at a tap.
var blockLayer = map[Point]string{
	Norm1:      "LayerNorm_0",
	Query:      "MultiHeadDotProductAttention_1/query",
	Key:        "MultiHeadDotProductAttention_1/key",
	Value:      "MultiHeadDotProductAttention_1/value",
	Projection: "MultiHeadDotProductAttention_1/out",
	Norm2:      "LayerNorm_2",
	FC1:        "MlpBlock_3/Dense_0",
	FC2:        "MlpBlock_3/Dense_1",
}

// LayerWeights names the two weights of the layer that ends at a tap: its kernel, whose elements of one
// input stand side by side (of a norm: its scale), and its bias. Where no layer ends ok is false.
func (a Architecture) LayerWeights(at Tap) (kernel, bias string, ok bool) {
	switch at.Point {
	case PatchEmbedding:
		return patchKernel, patchBias, true
	case FinalNorm:
		return finalScale, finalBias, true
	}
	name, ok := blockLayer[at.Point]
	if !ok {
		return "", "", false
	}
	name = inBlock(at.Block.Index, name)
	if at.Point == Norm1 || at.Point == Norm2 {
		return name + "/scale", name + "/bias", true
	}
	return name + "/kernel", name + "/bias", true
}
