package swin

import (
	"fmt"
	"regexp"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// traits are features of related networks that this package does not compute.
var traits = []backbone.Trait{
	{Names: regexp.MustCompile(`\.attn\.(logit_scale|cpb_mlp\.)`), What: "cosine attention and continuous position biases (Swin V2)"},
	{Names: regexp.MustCompile(`^absolute_pos_embed$`), What: "absolute position embeddings"},
	{Names: regexp.MustCompile(`\.attn\.(q_norm|k_norm)\.`), What: "q/k norm"},
	{Names: regexp.MustCompile(`^layers\.\d+\.blocks\.\d+\.(norm3|conv|gamma)`), What: "other layers in its blocks"},
}

// lacks are the features that a missing tensor shows.
var lacks = []backbone.Lack{
	{Has: "patch_embed.proj.weight", Lacks: "patch_embed.norm.weight", What: "no norm of its patch embedding"},
	{Has: "layers.0.blocks.0.attn.qkv.weight", Lacks: "layers.0.blocks.0.attn.qkv.bias", What: "no biases of query, key and value"},
}

// explain says what kind of network a file is if its tensors make no Swin, "" if that can't be told.
func explain(m tensor.Map) string {
	if found := backbone.FindTraits(m, traits, lacks); found != nil {
		return fmt.Sprintf("this is a network with %s, which this version does not compute", found[0])
	}
	return ""
}

// swinName matches timm's names of Swins, sizeName those of the sizes in the paper.
var (
	swinName = regexp.MustCompile(`^swin_`)
	sizeName = regexp.MustCompile(`^swin_(tiny|small|base|large)_patch(\d)_`)
)

// timmName implements backbone.Family.TimmName.
func timmName(name string) (implied backbone.TimmName, ok bool) {
	implied = backbone.TimmName{Plain: true, NormedMean: true}
	if m := sizeName.FindStringSubmatch(name); m != nil {
		a := named["swin_"+m[1][:1]].(Architecture)
		implied.Width, implied.Depth, implied.Heads, implied.Patch = backbone.Width(a), len(a.Blocks()), a.Heads[0], a.Patch
	}
	return implied, swinName.MatchString(name)
}
