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
	Naming: "Google",
	Owns:   func(m tensor.Map) bool { _, ok := m[patchKernel]; return ok },
	Shapes: shapesOfNPZ, Adopt: adopt,
	Convert: func(f *weight.File, a backbone.Architecture) (tensor.Map, error) {
		return backbone.Check(f, f.Tensors, a)
	},
	Sources: backbone.Sources{
		Blocks: backbone.FromFormat, Heads: backbone.FromFile, Image: backbone.FromFile, Eps: backbone.FromFormat,
		Mean: backbone.FromFormat, Std: backbone.FromFormat, Pool: backbone.FromFormat,
	},
}

func shapesOfNPZ(f *weight.File) (backbone.Architecture, error) {
	var a Architecture
	var err error
	shape := func(name string, rank int) []int {
		if err != nil {
			return nil
		}
		t, wrong := f.Get(name)
		if wrong == nil && len(t.Shape) != rank {
			wrong = fmt.Errorf("%s: tensor %s has shape %v, wanted %d axes", f.Path, name, t.Shape, rank)
		}
		err = wrong
		return t.Shape
	}
	a.Form = formOfNPZ(f.Tensors)
	kernel, query := shape(patchKernel, 4), shape(inBlock(0, attention+"query/kernel"), 3)
	fc1, position := shape(inBlock(0, denseIn+"/kernel"), 2), []int{1, 0, 0}
	if a.Positions != NoPositions || a.Registers == 0 { // only DINOv3 has none
		position = shape(positions, 3)
	}
	if err != nil {
		return nil, err
	}
	a.Patch, a.Width, a.Heads, a.MLP = kernel[0], kernel[3], query[1], fc1[1]
	a.readHead(f, headKernel, hiddenKernel, 1)
	if a.Labels > 0 {
		_, bias := f.Tensors[headBias]
		a.NoHeadBias, a.WideHead = !bias && a.PreNorm, f.Tensors[headKernel].Shape[0] == 2*a.Width && a.Hidden == 0
	}
	err = a.count(f, blockTemplate, positions, position[1])
	return a, err
}

// count sets the depth, and the image size from the number of position embeddings: a square of patches, after those of the prefix.
func (a *Architecture) count(f *weight.File, blocks, positions string, tokens int) (err error) {
	if a.Depth, err = backbone.CountBlocks(f, blocks); err != nil {
		return err
	}
	patches, what := tokens, "a square of patches"
	switch {
	case a.Positions == NoPositions:
		return nil // the image size is open
	case a.Positions == "" && !a.NoClass:
		patches -= a.Prefix()
		what = fmt.Sprintf("a class token and %s", what)
		if a.Distilled {
			what = "a class token, a distillation token and a square of patches"
		}
	}
	if !isSquare(patches) {
		return fmt.Errorf("%s: tensor %s has %d positions, which is not %s", f.Path, f.Name(positions), tokens, what)
	}
	a.Image = int(math.Round(math.Sqrt(float64(patches)))) * a.Patch
	return nil
}
