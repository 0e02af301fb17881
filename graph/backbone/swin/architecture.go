// Package swin is the family of Swin Transformers: architecture, forward pass and file layouts.
package swin

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// LayerNormEps is the epsilon of LayerNorm in every Swin: PyTorch's default (timm and Microsoft, swin_transformer.py).
const LayerNormEps = 1e-5

// Architecture is the sizes of a Swin Transformer (Liu et al., ICCV 2021, arXiv 2103.14030). Width and MLP are those of the first
// stage; both double from stage to stage while the sides of the grid halve.
type Architecture struct {
	Image  int     `json:"image_size"` // side of the square input in pixels
	Patch  int     `json:"patch_size"` // side of a patch in pixels
	Window int     `json:"window"`     // side of a window in patches; a smaller grid is one window
	Width  int     `json:"width"`      // d of the first stage
	MLP    int     `json:"mlp_width"`  // hidden width of the first stage's MLPs
	Depths Stages  `json:"depths"`     // blocks of each stage
	Heads  Stages  `json:"heads"`
	Eps    float64 `json:"layer_norm_eps"`
	Labels int     `json:"classes"` // of the backbone's own head, 0 if it has none
}

// maxSize is far above the sizes of real networks, and low enough for the number of elements of a weight not to overflow.
const maxSize = 1 << 20

// maxDepth is far above the number of blocks in a stage of real networks.
const maxDepth = 1 << 10

// maxGrid limits the patches along one side, and maxWindow the side of a window, whose attention scores have maxWindow^4 entries.
const maxGrid, maxWindow = 1024, 64

func (a Architecture) Family() string   { return familyName }
func (a Architecture) Classes() int     { return a.Labels }
func (a Architecture) ImageSize() int   { return a.Image }
func (a Architecture) PatchSize() int   { return a.Patch }
func (a Architecture) NormEps() float64 { return a.Eps }
func (a Architecture) Lineage() string  { return "" }
func (a Architecture) HasWindows()      {}

func (a Architecture) Activation() backbone.Activation { return backbone.GELU }
func (a Architecture) Pools() []backbone.Pool          { return []backbone.Pool{backbone.PoolMean} }

// With implements backbone.Architecture. The shapes of a file determine the heads, so With leaves them alone.
func (a Architecture) With(s backbone.Sizes) backbone.Architecture {
	a.Image, a.Eps = cmp.Or(s.Image, a.Image), cmp.Or(s.Eps, a.Eps)
	return a
}

func (a Architecture) WithHead(classes, _ int) backbone.Architecture {
	a.Labels = classes
	return a
}

// stages is the number of stages.
func (a Architecture) stages() int { return len(a.Depths.list()) }

// side is the number of patches along one side in a stage.
func (a Architecture) side(stage int) int { return a.Image / max(a.Patch, 1) >> stage }

// window is the side of a stage's windows: a grid that is no larger than a window is one window.
func (a Architecture) window(stage int) int { return min(a.Window, a.side(stage)) }

// last is the last block.
func (a Architecture) last() backbone.Block {
	blocks := a.Blocks()
	return blocks[len(blocks)-1]
}

func (a Architecture) Blocks() []backbone.Block {
	var list []backbone.Block
	for stage, depth := range a.Depths.list() {
		for range depth {
			list = append(list, backbone.Block{
				Index: len(list), Stage: stage, Width: a.Width << stage, Heads: a.Heads[stage], MLP: a.MLP << stage, Side: a.side(stage),
			})
		}
	}
	return list
}

// String leaves out an MLP of the usual four times the width.
func (a Architecture) String() string {
	text := fmt.Sprintf("swin:image=%d,patch=%d,window=%d,width=%d,depths=%s,heads=%s", a.Image, a.Patch, a.Window, a.Width, a.Depths, a.Heads)
	if a.MLP != mlpRatio*a.Width {
		text += fmt.Sprintf(",mlp=%d", a.MLP)
	}
	return text
}

func (a Architecture) Validate() error {
	for _, n := range []struct {
		name  string
		value int
	}{{"image", a.Image}, {"patch", a.Patch}, {"window", a.Window}, {"width", a.Width}, {"mlp", a.MLP}} {
		if n.value <= 0 || n.value > maxSize {
			return fmt.Errorf("architecture: %s = %d is not possible", n.name, n.value)
		}
	}
	if a.Window > maxWindow {
		return fmt.Errorf("architecture: a window of %d patches is more than the %d that attention can take", a.Window, maxWindow)
	}
	depths, heads := a.Depths.list(), a.Heads.list()
	if len(depths) == 0 || len(depths) != len(heads) {
		return fmt.Errorf("architecture: depths %v and heads %v must have one number for each stage", depths, heads)
	}
	for stage := range depths {
		width := a.Width << stage
		if depths[stage] <= 0 || depths[stage] > maxDepth {
			return fmt.Errorf("architecture: stage %d cannot have %d blocks", stage, depths[stage])
		}
		if heads[stage] <= 0 || width%heads[stage] != 0 {
			return fmt.Errorf("architecture: a width of %d in stage %d can't be split into %d heads", width, stage, heads[stage])
		}
	}
	if a.Image > maxGrid*a.Patch {
		return spell.Settingf(backbone.ImageSizeSetting, "an image of %[2]d pixels in patches of %[3]d makes a grid of more than %[4]d on a side: choose a smaller %[1]s",
			a.Image, a.Patch, maxGrid)
	}
	if why := a.misfit(); why != "" {
		return spell.Settingf(backbone.ImageSizeSetting, "an image of %[2]d pixels %[3]s: choose another %[1]s, such as %[4]s", a.Image, why, a.fitting())
	}
	return nil
}

// misfit says why the image does not fit the patches, stages and windows, "" if it does.
func (a Architecture) misfit() string {
	if a.Image%a.Patch != 0 {
		return fmt.Sprintf("can't be cut into patches of %d", a.Patch)
	}
	for stage := range a.stages() {
		side := a.Image / a.Patch >> stage
		switch {
		case side < 1 || stage < a.stages()-1 && side%2 != 0:
			return fmt.Sprintf("has a grid of %d x %d patches in stage %d, which can't be halved", side, side, stage)
		case side > a.Window && side%a.Window != 0:
			return fmt.Sprintf("has a grid of %d x %d patches in stage %d, which can't be cut into windows of %d x %d", side, side, stage, a.Window, a.Window)
		}
	}
	return ""
}

// fitting lists the image sizes next to a.Image that fit: the largest below and the smallest above.
func (a Architecture) fitting() string {
	var below, above string
	for grid := 1; grid <= maxGrid && above == ""; grid++ {
		b := a
		b.Image = grid * a.Patch
		switch {
		case b.misfit() != "":
		case b.Image < a.Image:
			below = fmt.Sprint(b.Image)
		default:
			above = fmt.Sprint(b.Image)
		}
	}
	return strings.Join(slices.DeleteFunc([]string{below, above}, func(s string) bool { return s == "" }), " or ")
}
