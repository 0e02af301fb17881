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
	distillToken  = "dist"      // [1, 1, d]
	registers     = "registers" // [1, n, d]
	positions     = "Transformer/posembed_input/pos_embedding"
	preScale      = "Transformer/pre_norm/scale" // of the norm before the first block
	preBias       = "Transformer/pre_norm/bias"
	finalScale    = "Transformer/encoder_norm/scale"
	finalBias     = "Transformer/encoder_norm/bias"
	hiddenKernel  = "pre_logits/kernel"
	hiddenBias    = "pre_logits/bias"
	headKernel    = "head/kernel"
	headBias      = "head/bias"
	blockTemplate = "Transformer/encoderblock_%d/"
)

func (a Architecture) HeadNames() (kernel, bias string) { return headKernel, headBias }

// The weights of a block that a plain ViT lacks.
const (
	scaleAttention = "LayerScale_0/scale" // [d], of LayerScale
	scaleMLP       = "LayerScale_1/scale"
	attention      = "MultiHeadDotProductAttention_1/"
	denseIn        = "MlpBlock_3/Dense_0"
	denseOut       = "MlpBlock_3/Dense_1"
	denseGate      = "MlpBlock_3/Gate"
	innerNorm      = "MlpBlock_3/LayerNorm_0"
)

func inBlock(i int, name string) string { return fmt.Sprintf(blockTemplate, i) + name }

// layer is a layer of a block, or one of its norms: the tap at which it ends, its name, and the shapes of its weights.
type layer struct {
	point        backbone.Point
	name         string
	kernel, bias []int
}

func (l layer) isNorm() bool { return len(l.kernel) == 1 }

// blockLayers lists the layers of a block in the order of their weights. A layer without bias has a nil one.
func (a Architecture) blockLayers() []layer {
	d, h, m := a.Width, a.Heads, a.MLP
	heads := func(has bool) []int {
		if !has {
			return nil
		}
		return []int{h, d / h}
	}
	layers := []layer{
		{backbone.Norm1, "LayerNorm_0", []int{d}, []int{d}},
		{backbone.Query, attention + "query", []int{d, h, d / h}, heads(a.QKVBias != NoQKVBias)},
		{backbone.Key, attention + "key", []int{d, h, d / h}, heads(a.QKVBias == "")},
		{backbone.Value, attention + "value", []int{d, h, d / h}, heads(a.QKVBias != NoQKVBias)},
		{backbone.Projection, attention + "out", []int{h, d / h, d}, []int{d}},
		{backbone.Norm2, "LayerNorm_2", []int{d}, []int{d}},
		{backbone.FC1, denseIn, []int{d, m}, []int{m}},
	}
	if a.Gated {
		layers = append(layers, layer{backbone.Gate, denseGate, []int{d, m}, []int{m}})
	}
	if a.InnerNorm {
		layers = append(layers, layer{backbone.InnerNorm, innerNorm, []int{m}, []int{m}})
	}
	return append(layers, layer{backbone.FC2, denseOut, []int{m, d}, []int{d}})
}

// weights names the kernel (the scale of a norm) and the bias of the layer in block i, "" if it has none.
func (l layer) weights(i int) (kernel, bias string) {
	name := inBlock(i, l.name)
	kernel, bias = name+"/kernel", name+"/bias"
	if l.isNorm() {
		kernel = name + "/scale"
	}
	if l.bias == nil {
		bias = ""
	}
	return kernel, bias
}
