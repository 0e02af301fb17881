package backbone

import (
	"fmt"
	"math"

	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// fromNPZ reads the layout of Google's ViT checkpoints (google-research/vision_transformer). All sizes,
// the number of heads too, are in the shapes.
func fromNPZ(f *weight.File, _ int) (Architecture, tensor.Map, error) {
	a := Architecture{Eps: LayerNormEps}
	shape := func(name string, rank int) ([]int, error) {
		t, err := f.Get(name)
		if err != nil {
			return nil, err
		}
		if len(t.Shape) != rank {
			return nil, fmt.Errorf("%s: tensor %s has shape %v, wanted %d axes", f.Path, name, t.Shape, rank)
		}
		return t.Shape, nil
	}
	kernel, err := shape(patchKernel, 4)
	if err != nil {
		return a, nil, err
	}
	query, err := shape(inBlock(0, "MultiHeadDotProductAttention_1/query/kernel"), 3)
	if err != nil {
		return a, nil, err
	}
	hidden, err := shape(inBlock(0, "MlpBlock_3/Dense_0/kernel"), 2)
	if err != nil {
		return a, nil, err
	}
	position, err := shape(positions, 3)
	if err != nil {
		return a, nil, err
	}
	a.Patch, a.Width, a.Heads, a.MLP = kernel[0], kernel[3], query[1], hidden[1]
	a.Depth = depth(f.Tensors, func(i int) string { return inBlock(i, "LayerNorm_0/scale") })
	if a.Image, err = imageSize(f.Path, positions, position[1], a.Patch); err != nil {
		return a, nil, err
	}
	if t, ok := f.Tensors[headKernel]; ok && len(t.Shape) == 2 {
		a.Classes = t.Shape[1]
	}
	if t, ok := f.Tensors[hiddenKernel]; ok && len(t.Shape) == 2 && a.Classes > 0 {
		a.Hidden = t.Shape[1]
	}
	if err := a.Validate(); err != nil {
		return a, nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	weights, err := check(f, f.Tensors, a)
	return a, weights, err
}

// depth counts blocks 0, 1, ... as long as the tensor that each must have is there.
func depth(weights tensor.Map, name func(i int) string) int {
	n := 0
	for ; ; n++ {
		if _, ok := weights[name(n)]; !ok {
			return n
		}
	}
}

// imageSize follows from the number of position embeddings: the class token and a square of patches.
func imageSize(path, name string, tokens, patch int) (int, error) {
	side := int(math.Round(math.Sqrt(float64(tokens - 1))))
	if tokens < 2 || side*side != tokens-1 {
		return 0, fmt.Errorf("%s: tensor %s has %d positions, which is not a class token and a square of patches", path, name, tokens)
	}
	return side * patch, nil
}
