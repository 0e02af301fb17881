package swin

import (
	"fmt"
	"regexp"
	"slices"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// traits are features of related networks that this package does not compute, by the names of their tensors.
var traits = []struct {
	names *regexp.Regexp
	what  string
}{
	{regexp.MustCompile(`\.attn\.(logit_scale|cpb_mlp\.)`), "cosine attention and continuous position biases (Swin V2)"},
	{regexp.MustCompile(`^absolute_pos_embed$`), "absolute position embeddings"},
	{regexp.MustCompile(`\.attn\.(q_norm|k_norm)\.`), "q/k norm"},
	{regexp.MustCompile(`^layers\.\d+\.blocks\.\d+\.(norm3|conv|gamma)`), "other layers in its blocks"},
}

// lacks are features recognised by a missing tensor, given one that is there.
var lacks = []struct{ there, missing, what string }{
	{"patch_embed.proj.weight", "patch_embed.norm.weight", "no norm of its patch embedding"},
	{"layers.0.blocks.0.attn.qkv.weight", "layers.0.blocks.0.attn.qkv.bias", "no biases of query, key and value"},
}

// explain says what kind of network a file is if its tensors make no Swin, "" if that can't be told.
func explain(m tensor.Map) string {
	for _, t := range traits {
		if slices.ContainsFunc(m.Names(), t.names.MatchString) {
			return fmt.Sprintf("this is a network with %s, which this version does not compute", t.what)
		}
	}
	for _, l := range lacks {
		_, there := m[l.there]
		if _, ok := m[l.missing]; there && !ok {
			return fmt.Sprintf("this is a network with %s, which this version does not compute", l.what)
		}
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
