package backbone

import (
	"fmt"
	"strings"
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

// layer is one linear layer or norm of a block: its two weights and their shapes.
type layer struct {
	name   string
	kernel []int
	bias   []int
}

// blockLayers lists the weights of one block.
func (a Architecture) blockLayers() []layer {
	d, h, m := a.Width, a.Heads, a.MLP
	return []layer{
		{"LayerNorm_0", nil, []int{d}},
		{"MultiHeadDotProductAttention_1/query", []int{d, h, d / h}, []int{h, d / h}},
		{"MultiHeadDotProductAttention_1/key", []int{d, h, d / h}, []int{h, d / h}},
		{"MultiHeadDotProductAttention_1/value", []int{d, h, d / h}, []int{h, d / h}},
		{"MultiHeadDotProductAttention_1/out", []int{h, d / h, d}, []int{d}},
		{"LayerNorm_2", nil, []int{d}},
		{"MlpBlock_3/Dense_0", []int{d, m}, []int{m}},
		{"MlpBlock_3/Dense_1", []int{m, d}, []int{d}},
	}
}

// Spec is the name and shape of one weight.
type Spec struct {
	Name  string
	Shape []int
}

// Specs lists every weight of the architecture, the own head included if it has one.
func (a Architecture) Specs() []Spec {
	d := a.Width
	specs := []Spec{
		{patchKernel, []int{a.Patch, a.Patch, 3, d}}, {patchBias, []int{d}},
		{classToken, []int{1, 1, d}}, {positions, []int{1, a.Tokens(), d}},
	}
	for i := range a.Depth {
		for _, l := range a.blockLayers() {
			first := Spec{inBlock(i, l.name+"/kernel"), l.kernel}
			if l.kernel == nil {
				first = Spec{inBlock(i, l.name+"/scale"), []int{d}}
			}
			specs = append(specs, first, Spec{inBlock(i, l.name+"/bias"), l.bias})
		}
	}
	specs = append(specs, Spec{finalScale, []int{d}}, Spec{finalBias, []int{d}})
	if a.Hidden > 0 {
		specs = append(specs, Spec{hiddenKernel, []int{d, a.Hidden}}, Spec{hiddenBias, []int{a.Hidden}})
	}
	if a.Classes > 0 {
		in := d
		if a.Hidden > 0 {
			in = a.Hidden
		}
		specs = append(specs, Spec{headKernel, []int{in, a.Classes}}, Spec{headBias, []int{a.Classes}})
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
func LayerWeights(at Tap) (kernel, bias string, ok bool) {
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
	name = inBlock(at.Block, name)
	if at.Point == Norm1 || at.Point == Norm2 {
		return name + "/scale", name + "/bias", true
	}
	return name + "/kernel", name + "/bias", true
}

// Parameters counts the numbers of the backbone without its own head.
func (a Architecture) Parameters() int {
	total := 0
	for _, s := range a.Specs() {
		if IsHead(s.Name) {
			continue
		}
		n := 1
		for _, d := range s.Shape {
			n *= d
		}
		total += n
	}
	return total
}

// IsHead tells whether a weight belongs to the backbone's own classifier.
func IsHead(name string) bool {
	return strings.HasPrefix(name, "head/") || strings.HasPrefix(name, "pre_logits/")
}

// IsBias tells whether a weight is a bias, which weight decay leaves alone.
func IsBias(name string) bool { return strings.HasSuffix(name, "/bias") }
