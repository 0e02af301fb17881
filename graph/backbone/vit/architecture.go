// Package vit is the family of plain Vision Transformers: architecture, forward pass and file layouts.
package vit

import (
	"cmp"
	"fmt"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// Architecture is the sizes of a ViT (Dosovitskiy et al. 2021) with pre-norm blocks, and its form: what sets it apart from the
// plain one, which has a class token.
type Architecture struct {
	Image  int     `json:"image_size"` // side of the square input in pixels
	Patch  int     `json:"patch_size"` // side of a patch in pixels
	Width  int     `json:"width"`      // d, the size of a token
	Depth  int     `json:"depth"`      // N, the number of blocks
	Heads  int     `json:"heads"`
	MLP    int     `json:"mlp_width"` // hidden width of a block's MLP
	Eps    float64 `json:"layer_norm_eps"`
	Labels int     `json:"classes"`    // of the backbone's own head, 0 if it has none
	Hidden int     `json:"pre_logits"` // width of a tanh layer before the own head, 0 if it has none
	Form
}

// maxSize is far above the sizes of real networks, and low enough for the number of elements of a weight not to overflow.
const maxSize = 1 << 20

// maxGrid limits the patches along one side. At 65,537 tokens the attention scores take 17 GB per head and image.
const maxGrid = 256

// Grid is the number of patches along one side.
func (a Architecture) Grid() int { return a.Image / max(a.Patch, 1) }

// Tokens is T, the length of the sequence: the prefix tokens and the patches.
func (a Architecture) Tokens() int { return a.Prefix() + a.Grid()*a.Grid() }

func (a Architecture) Family() string   { return familyName }
func (a Architecture) Classes() int     { return a.Labels }
func (a Architecture) ImageSize() int   { return a.Image }
func (a Architecture) PatchSize() int   { return a.Patch }
func (a Architecture) NormEps() float64 { return a.Eps }

func (a Architecture) With(s backbone.Sizes) backbone.Architecture {
	a.Image, a.Heads, a.Eps = cmp.Or(s.Image, a.Image), cmp.Or(s.Heads, a.Heads), cmp.Or(s.Eps, a.Eps)
	if s.Activation != "" {
		a.GELU = s.Activation
		if s.Activation == backbone.GELU {
			a.GELU = ""
		}
	}
	a.NormedMean = a.NormedMean || s.NormedMean
	return a
}

func (a Architecture) WithHead(classes, width int) backbone.Architecture {
	a.Labels, a.Hidden, a.NoHeadBias = classes, 0, false
	a.WideHead = classes > 0 && width == 2*a.Width
	return a
}

func (a Architecture) Blocks() []backbone.Block {
	list := make([]backbone.Block, max(a.Depth, 0))
	for i := range list {
		list[i] = backbone.Block{Index: i, Width: a.Width, Heads: a.Heads, MLP: a.MLP, Side: a.Grid(), Prefix: a.Prefix()}
	}
	return list
}

func (a Architecture) String() string {
	text := fmt.Sprintf("vit:image=%d,patch=%d,width=%d,depth=%d,heads=%d,mlp=%d", a.Image, a.Patch, a.Width, a.Depth, a.Heads, a.MLP)
	if a.Eps != backbone.LayerNormEps {
		text += fmt.Sprintf(",eps=%v", a.Eps)
	}
	return text + a.Form.String()
}

func (a Architecture) Validate() error {
	for _, n := range []struct {
		name  string
		value int
	}{{"image", a.Image}, {"patch", a.Patch}, {"width", a.Width}, {"depth", a.Depth}, {"heads", a.Heads}, {"mlp", a.MLP}} {
		if n.value <= 0 || n.value > maxSize {
			return fmt.Errorf("architecture: %s = %d is not possible", n.name, n.value)
		}
	}
	if a.Image%a.Patch != 0 {
		below := a.Image / a.Patch * a.Patch
		nearest := fmt.Sprintf("%d or %d", below, below+a.Patch)
		if below == 0 {
			nearest = fmt.Sprint(a.Patch)
		}
		return spell.Settingf(backbone.ImageSizeSetting, "an image of %[2]d pixels can't be cut into patches of %[3]d: choose an %[1]s that is a multiple of %[3]d, such as %[4]s", a.Image, a.Patch, nearest)
	}
	if a.Grid() > maxGrid {
		return spell.Settingf(backbone.ImageSizeSetting, "an image of %[2]d pixels in patches of %[3]d makes %[4]d tokens, more than attention can take: choose a smaller %[1]s", a.Image, a.Patch, a.Tokens())
	}
	if a.Width%a.Heads != 0 {
		return spell.Settingf(backbone.HeadsSetting, "a width of %[2]d can't be split into %[3]d heads: set %[1]s", a.Width, a.Heads)
	}
	return a.Form.validate(a.Width / a.Heads)
}
