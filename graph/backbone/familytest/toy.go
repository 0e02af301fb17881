// Package familytest has a family of backbones for tests of what must hold for every family, not only for Vision Transformers:
// two stages of different sizes with a patch merge between them, no class token, no attention.
package familytest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// Toy has two stages of Depth blocks each, of widths Width and 2 Width. Between them 2 x 2 patches merge into one.
type Toy struct {
	Image int     `json:"image_size"`
	Patch int     `json:"patch_size"`
	Width int     `json:"width"`
	Depth int     `json:"depth"` // of each stage
	Eps   float64 `json:"layer_norm_eps"`
	Own   int     `json:"classes"`
}

// Small is a Toy whose training step takes milliseconds.
var Small = Toy{Image: 16, Patch: 2, Width: 6, Depth: 2, Eps: backbone.LayerNormEps}

// Register registers the family. Call it once per process.
func Register() {
	backbone.Register(backbone.Family{
		Name: "toy", Title: "toy", Kind: "toy", Named: map[string]backbone.Architecture{"toy_small": Small},
		Example: Small.String(),
		Parse: func(settings string) (backbone.Architecture, error) {
			t := Toy{Eps: backbone.LayerNormEps}
			_, err := fmt.Sscanf(settings, "image=%d,patch=%d,width=%d,depth=%d", &t.Image, &t.Patch, &t.Width, &t.Depth)
			return t, err
		},
		Decode: func(raw []byte) (backbone.Architecture, error) {
			var t Toy
			err := json.Unmarshal(raw, &t)
			return t, err
		},
		Defaults: backbone.Defaults{
			Normalisation: backbone.Normalisation{Mean: [3]float64{0.5, 0.5, 0.5}, Std: [3]float64{0.5, 0.5, 0.5}, Pool: backbone.PoolMean}, Eps: backbone.LayerNormEps,
		},
		TimmName: func(string) (backbone.TimmName, bool) { return backbone.TimmName{}, false },
		Layouts:  []backbone.Layout{layout},
		Explain:  func(tensor.Map) string { return "" },
		Unused:   func(tensor.Map, string) bool { return false },
		Resample: func(tensor.Map, backbone.Architecture, backbone.Architecture) {},
		Fill: func(random *rand.Rand, _ backbone.Architecture, _ backbone.Spec, out []float32) {
			for i := range out {
				out[i] = float32(0.3 * random.NormFloat64())
			}
		},
	})
}

var layout = backbone.Layout{
	Naming: "toy",
	Owns:   func(m tensor.Map) bool { _, ok := m["toy/embed/kernel"]; return ok },
	Shapes: func(f *weight.File) (backbone.Architecture, error) {
		embed := f.Tensors["toy/embed/kernel"]
		patch := int(math.Sqrt(float64(embed.Shape[0] / 3)))
		t := Toy{Width: embed.Shape[1], Image: 8 * patch, Patch: patch} // no tensor determines the image size
		n, err := backbone.CountBlocks(f, "toy/block_%d/")
		t.Depth = n / 2
		if head, ok := f.Tensors["toy/head/kernel"]; ok {
			t.Own = head.Shape[1]
		}
		return t, err
	},
	Convert: func(f *weight.File, a backbone.Architecture) (tensor.Map, error) {
		return backbone.Check(f, f.Tensors, a)
	},
	Sources: backbone.Sources{
		Blocks: backbone.FromFormat, Heads: backbone.FromFile, Image: backbone.FromFile, Eps: backbone.FromFormat,
		Mean: backbone.FromFormat, Std: backbone.FromFormat, Pool: backbone.FromFormat,
	},
}

func (t Toy) Family() string { return "toy" }

func (t Toy) String() string {
	return fmt.Sprintf("toy:image=%d,patch=%d,width=%d,depth=%d", t.Image, t.Patch, t.Width, t.Depth)
}

func (t Toy) Validate() error {
	if t.Image < 1 || t.Patch < 1 || t.Width < 1 || t.Depth < 1 || t.Depth > 99 || t.Image%(2*t.Patch) != 0 {
		return fmt.Errorf("%s is not possible", t)
	}
	return nil
}

func (t Toy) ImageSize() int                   { return t.Image }
func (t Toy) PatchSize() int                   { return t.Patch }
func (t Toy) NormEps() float64                 { return t.Eps }
func (t Toy) Classes() int                     { return t.Own }
func (t Toy) Activation() backbone.Activation  { return backbone.GELU }
func (t Toy) Pools() []backbone.Pool           { return []backbone.Pool{backbone.PoolMean} }
func (t Toy) Lineage() string                  { return "" }
func (t Toy) HeadNames() (kernel, bias string) { return "toy/head/kernel", "toy/head/bias" }

func (t Toy) WithHead(classes, _ int) backbone.Architecture {
	t.Own = classes
	return t
}

func (t Toy) With(s backbone.Sizes) backbone.Architecture {
	t.Image, t.Eps = cmp.Or(s.Image, t.Image), cmp.Or(s.Eps, t.Eps)
	return t
}

func (t Toy) Blocks() []backbone.Block {
	var list []backbone.Block
	for stage := range 2 {
		for range t.Depth {
			width := t.Width << stage
			list = append(list, backbone.Block{
				Index: len(list), Stage: stage, Width: width, Heads: 1, MLP: 2 * width, Side: t.Image / max(t.Patch, 1) >> stage,
			})
		}
	}
	return list
}

func (t Toy) Specs() []backbone.Spec {
	var list []backbone.Spec
	linear := func(name string, in, out int, head bool) {
		list = append(list, backbone.Spec{Name: name + "/kernel", Shape: []int{in, out}, Role: backbone.Kernel, Head: head},
			backbone.Spec{Name: name + "/bias", Shape: []int{out}, Role: backbone.Bias, Head: head})
	}
	linear("toy/embed", 3*t.Patch*t.Patch, t.Width, false)
	for _, block := range t.Blocks() {
		name := fmt.Sprintf("toy/block_%d/", block.Index)
		list = append(list, backbone.Spec{Name: name + "norm/scale", Shape: []int{block.Width}, Role: backbone.Scale},
			backbone.Spec{Name: name + "norm/bias", Shape: []int{block.Width}, Role: backbone.Bias})
		linear(name+"fc1", block.Width, block.MLP, false)
		linear(name+"fc2", block.MLP, block.Width, false)
	}
	linear("toy/merge", 4*t.Width, 2*t.Width, false)
	list = append(list, backbone.Spec{Name: "toy/norm/scale", Shape: []int{2 * t.Width}, Role: backbone.Scale},
		backbone.Spec{Name: "toy/norm/bias", Shape: []int{2 * t.Width}, Role: backbone.Bias})
	if t.Own > 0 {
		linear("toy/head", 2*t.Width, t.Own, true)
	}
	return list
}

func (t Toy) LayerWeights(at backbone.Tap) (kernel, bias string, ok bool) {
	layer, ok := map[backbone.Point]string{backbone.FC1: "fc1", backbone.FC2: "fc2"}[at.Point]
	name := fmt.Sprintf("toy/block_%d/%s/", at.Block.Index, layer)
	return name + "kernel", name + "bias", ok
}
