package vit

import (
	"regexp"
	"strconv"

	"dtl-tf/graph/backbone"
)

// plainName matches timm's names of plain ViTs whose norms have the usual epsilon.
var plainName = regexp.MustCompile(`^(?:vit|deit)_(tiny|small|base|large|huge|giant|gigantic)_patch(\d+)_\d+$`)

// timmSizes are the sizes in timm's names (timm, vision_transformer.py).
var timmSizes = map[string]struct{ width, depth, heads int }{
	"tiny":     {192, 12, 3},
	"small":    {384, 12, 6},
	"base":     {768, 12, 12},
	"large":    {1024, 24, 16},
	"huge":     {1280, 32, 16},
	"giant":    {1408, 40, 16},
	"gigantic": {1664, 48, 16},
}

// otherNetwork matches timm's names of networks that may have a plain ViT's tensors but compute something else.
var otherNetwork = regexp.MustCompile(`_rpn_|quickgelu|_relpos_`)

// viTName matches timm's names of ViTs.
var viTName = regexp.MustCompile(`^(vit|deit|test_vit)_`)

// timmName implements backbone.Family.TimmName.
func timmName(name string) (implied backbone.TimmName, ok bool) {
	if m := plainName.FindStringSubmatch(name); m != nil {
		size := timmSizes[m[1]]
		implied = backbone.TimmName{Plain: true, Width: size.width, Depth: size.depth, Heads: size.heads}
		implied.Patch, _ = strconv.Atoi(m[2])
	}
	return implied, implied.Plain || viTName.MatchString(name) && !otherNetwork.MatchString(name)
}
