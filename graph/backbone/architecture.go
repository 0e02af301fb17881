// Package backbone holds the pre-trained networks that methods adapt: their architecture, how
// their files are read and written, and their forward pass with the points where a method may
// hook in. It knows no method.
package backbone

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Architecture is the shape of a ViT (Dosovitskiy et al. 2021), pre-norm, with a class token.
type Architecture struct {
	Image   int     `json:"image_size"` // side of the square input in pixels
	Patch   int     `json:"patch_size"` // side of a patch in pixels
	Width   int     `json:"width"`      // d, the size of a token
	Depth   int     `json:"depth"`      // N, the number of blocks
	Heads   int     `json:"heads"`
	MLP     int     `json:"mlp_width"` // hidden width of a block's MLP
	Eps     float64 `json:"layer_norm_eps"`
	Classes int     `json:"classes"`    // of the backbone's own head, 0 if it has none
	Hidden  int     `json:"pre_logits"` // width of a tanh layer before the own head, 0 if it has none
}

// LayerNormEps is the epsilon of every LayerNorm of a ViT (timm, vision_transformer.py).
const LayerNormEps = 1e-6

// mostGrid is where attention becomes impossible: 65,537 tokens make scores of 17 GB a head and image.
const mostGrid = 256

// mostBlocks is far above the depth of any ViT.
const mostBlocks = 1 << 12

// Grid is the number of patches along one side.
func (a Architecture) Grid() int { return a.Image / a.Patch }

// PatchSize is the side of a patch in pixels.
func (a Architecture) PatchSize() int { return a.Patch }

// NormEps is the epsilon of every LayerNorm.
func (a Architecture) NormEps() float64 { return a.Eps }

// Tokens is T, the length of the sequence: the class token and the patches.
func (a Architecture) Tokens() int { return a.Grid()*a.Grid() + 1 }

// Blocks lists the blocks in the order of the forward pass.
func (a Architecture) Blocks() []Block {
	list := make([]Block, a.Depth)
	for i := range list {
		list[i] = Block{Index: i, Width: a.Width, Heads: a.Heads, MLP: a.MLP, Side: a.Grid(), Prefix: 1}
	}
	return list
}

// String is the form that Parse reads.
func (a Architecture) String() string {
	return fmt.Sprintf("vit:image=%d,patch=%d,width=%d,depth=%d,heads=%d,mlp=%d", a.Image, a.Patch, a.Width, a.Depth, a.Heads, a.MLP)
}

// Validate checks that the numbers make a network.
func (a Architecture) Validate() error {
	for _, n := range []struct {
		name  string
		value int
	}{{"image", a.Image}, {"patch", a.Patch}, {"width", a.Width}, {"depth", a.Depth}, {"heads", a.Heads}, {"mlp", a.MLP}} {
		if n.value <= 0 || n.value > 1<<20 {
			return fmt.Errorf("architecture: %s = %d is not possible", n.name, n.value)
		}
	}
	if a.Image%a.Patch != 0 {
		return fmt.Errorf("an image of %d pixels can't be cut into patches of %d: choose an --image-size that is a multiple of %d", a.Image, a.Patch, a.Patch)
	}
	if a.Grid() > mostGrid {
		return fmt.Errorf("an image of %d pixels in patches of %d makes %d tokens, more than attention can take: choose a smaller --image-size", a.Image, a.Patch, a.Tokens())
	}
	if a.Width%a.Heads != 0 {
		return fmt.Errorf("a width of %d can't be split into %d heads: set --heads", a.Width, a.Heads)
	}
	return nil
}

// named are the architectures of the ViT and DeiT papers, and the small one that the built-in
// default backbone has.
var named = map[string]Architecture{
	"vit_b16":   {Image: 224, Patch: 16, Width: 768, Depth: 12, Heads: 12, MLP: 3072, Eps: LayerNormEps},
	"vit_s16":   {Image: 224, Patch: 16, Width: 384, Depth: 12, Heads: 6, MLP: 1536, Eps: LayerNormEps},
	"vit_ti16":  {Image: 224, Patch: 16, Width: 192, Depth: 12, Heads: 3, MLP: 768, Eps: LayerNormEps},
	"vit_mini4": {Image: 32, Patch: 4, Width: 96, Depth: 12, Heads: 3, MLP: 384, Eps: LayerNormEps},
}

// Names lists the architectures that Parse knows by name.
func Names() []string {
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Parse reads the name of a known architecture or a description such as
// "vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384".
func Parse(text string) (Architecture, error) {
	if a, ok := named[text]; ok {
		return a, nil
	}
	list, ok := strings.CutPrefix(text, "vit:")
	if !ok {
		return Architecture{}, fmt.Errorf("unknown architecture %q: use one of %s, or describe one like %s", text, strings.Join(Names(), ", "), named["vit_b16"])
	}
	a := Architecture{Eps: LayerNormEps}
	fields := map[string]*int{"image": &a.Image, "patch": &a.Patch, "width": &a.Width, "depth": &a.Depth, "heads": &a.Heads, "mlp": &a.MLP}
	for _, item := range strings.Split(list, ",") {
		key, value, _ := strings.Cut(item, "=")
		field, ok := fields[key]
		if !ok {
			return Architecture{}, fmt.Errorf("architecture %q: unknown setting %q (known: image, patch, width, depth, heads, mlp)", text, key)
		}
		n, err := strconv.Atoi(value)
		if err != nil {
			return Architecture{}, fmt.Errorf("architecture %q: %s is not a whole number: %q", text, key, value)
		}
		*field = n
	}
	return a, a.Validate()
}
