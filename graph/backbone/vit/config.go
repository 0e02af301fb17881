package vit

import (
	"regexp"
	"strconv"
	"strings"

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
var otherNetwork = regexp.MustCompile(`_rpn_|_relpos_|_rope_|_pe_|_srelpos`)

// viTName matches timm's names of ViTs.
var viTName = regexp.MustCompile(`^(vit|deit|deit3|eva02|test_vit)_`)

// lineageNames match timm's names of the networks that Lineage knows. Their blocks are as their tensors tell, but for the activation.
var lineageNames = []struct {
	name *regexp.Regexp
	eps  float64
}{
	{regexp.MustCompile(`_dinov3(_|$)|_clip_`), smallEps},
	{regexp.MustCompile(`_dinov2(_|$)|_siglip_|^deit3_|^deit_.*_distilled_|^eva02_`), backbone.LayerNormEps},
}

// tanhName matches timm's names of networks with the tanh approximation of GELU.
var tanhName = regexp.MustCompile(`^vit_(so400m_patch16|giantopt_patch\d+)_siglip_`)

// timmName implements backbone.Family.TimmName.
func timmName(name string) (implied backbone.TimmName, ok bool) {
	if m := plainName.FindStringSubmatch(name); m != nil {
		size := timmSizes[m[1]]
		implied = backbone.TimmName{Plain: true, Width: size.width, Depth: size.depth, Heads: size.heads, Eps: backbone.LayerNormEps}
		implied.Patch, _ = strconv.Atoi(m[2])
		return implied, true
	}
	if !viTName.MatchString(name) || otherNetwork.MatchString(name) {
		return implied, false
	}
	for _, known := range lineageNames {
		if known.name.MatchString(name) {
			implied.Plain, implied.Eps, implied.Activation = true, known.eps, backbone.GELU
		}
	}
	switch {
	case strings.Contains(name, "_quickgelu_"):
		implied.Activation = backbone.QuickGELU
	case tanhName.MatchString(name):
		implied.Activation = backbone.TanhGELU
	}
	return implied, true
}
