package vit

import (
	"fmt"
	"math"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// npz is the layout of Google's ViT checkpoints (google-research/vision_transformer). The shapes determine all sizes,
// including the number of heads.
var npz = backbone.Layout{
	Owns:   func(m tensor.Map) bool { _, ok := m[patchKernel]; return ok },
	Shapes: shapesOfNPZ,
	Convert: func(f *weight.File, a backbone.Architecture) (tensor.Map, error) {
		return backbone.Check(f, f.Tensors, a)
	},
	Documented: true,
}

func shapesOfNPZ(f *weight.File) (backbone.Architecture, error) {
	var a Architecture
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
		return nil, err
	}
	query, err := shape(inBlock(0, "MultiHeadDotProductAttention_1/query/kernel"), 3)
	if err != nil {
		return nil, err
	}
	hidden, err := shape(inBlock(0, "MlpBlock_3/Dense_0/kernel"), 2)
	if err != nil {
		return nil, err
	}
	position, err := shape(positions, 3)
	if err != nil {
		return nil, err
	}
	a.Patch, a.Width, a.Heads, a.MLP = kernel[0], kernel[3], query[1], hidden[1]
	if a.Depth, err = backbone.CountBlocks(f, blockTemplate); err != nil {
		return nil, err
	}
	if a.Image, err = imageSize(f.Path, positions, position[1], a.Patch); err != nil {
		return nil, err
	}
	if t, ok := f.Tensors[headKernel]; ok && len(t.Shape) == 2 {
		a.Labels = t.Shape[1]
	}
	if t, ok := f.Tensors[hiddenKernel]; ok && len(t.Shape) == 2 && a.Labels > 0 {
		a.Hidden = t.Shape[1]
	}
	return a, nil
}

// imageSize derives the image size from the number of position embeddings, the class token and a square of patches.
func imageSize(path, name string, tokens, patch int) (int, error) {
	if !isSquare(tokens - 1) {
		return 0, fmt.Errorf("%s: tensor %s has %d positions, which is not a class token and a square of patches", path, name, tokens)
	}
	return int(math.Round(math.Sqrt(float64(tokens-1)))) * patch, nil
}
