package swin

import (
	"fmt"
	"maps"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// own is the layout of this program's own .npz files: the names and shapes of Specs.
var own = backbone.Layout{
	Naming:  backbone.OwnNaming,
	Owns:    func(m tensor.Map) bool { _, ok := m[patchKernel]; return ok },
	Shapes:  shapesOfOwn,
	Sources: sources,
	Convert: func(f *weight.File, arch backbone.Architecture) (tensor.Map, error) {
		a := arch.(Architecture)
		weights := maps.Clone(f.Tensors)
		for _, b := range a.Blocks() {
			name := a.inBlock(b, tableName)
			if t := weights[name]; len(t.Shape) == 2 && t.Shape[1] == b.Heads {
				weights[name] = resampleTable(t, a.window(b.Stage))
			}
		}
		return backbone.Check(f, weights, a)
	},
}

func shapesOfOwn(f *weight.File) (backbone.Architecture, error) {
	kernel, err := f.Get(patchKernel)
	if err != nil {
		return nil, err
	}
	fc1, err := f.Get("layers.0.blocks.0/mlp/fc1/kernel")
	if err != nil {
		return nil, err
	}
	if len(kernel.Shape) != 4 || len(fc1.Shape) != 2 {
		return nil, fmt.Errorf("%s: tensors %s %v and fc1 %v have other shapes than a Swin's", f.Path, patchKernel, kernel.Shape, fc1.Shape)
	}
	a := Architecture{Width: kernel.Shape[3], Patch: kernel.Shape[0], MLP: fc1.Shape[1]}
	if err := a.readStages(f, "layers.%d.blocks.%%d/", "layers.%d.blocks.%d/"+tableName); err != nil {
		return nil, err
	}
	if t, ok := f.Tensors[headKernel]; ok && len(t.Shape) == 2 {
		a.Labels = t.Shape[1]
	}
	return a, nil
}
