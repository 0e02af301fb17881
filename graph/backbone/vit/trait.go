package vit

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// traits are features of other ViTs that this package does not compute, by their tensors' names in timm's, Hugging Face's and
// original files.
var traits = []backbone.Trait{
	{Names: regexp.MustCompile(`\.(q_norm|k_norm)\.`), What: "q/k norm"},
	{Names: regexp.MustCompile(`\.attn\.norm\.`), What: "a norm of the attention's output (EVA-02's CLIP)"},
	{Names: regexp.MustCompile(`\.attn\.gate\.`), What: "gated attention"},
	{Names: regexp.MustCompile(`(^|\.)MAPHead_0/`), What: "attention pooling in big_vision's names"},
	{Names: regexp.MustCompile(`\.mlp\.(w12|w1|w3|gate_proj|weights_in)\.`), What: "SwiGLU in the names of other programs"},
	{Names: regexp.MustCompile(`relative_position|rel_pos`), What: "relative positions (BEiT, Swin)"},
	{Names: regexp.MustCompile(`\.(attns|ffns)\.\d`), What: "parallel branches in its blocks"},
	{Names: regexp.MustCompile(`\.(in_proj|mlp_out_proj)\.`), What: "attention and MLP in parallel (ViT-22B)"},
	{Names: regexp.MustCompile(`^layers\.\d+\.(blocks|downsample)\.`), What: "windows and stages (Swin)"},
	{Names: regexp.MustCompile(`^conv_root/|^patch_embed\.backbone\.`), What: "a convolutional stem (hybrid)"},
}

// rope matches tensors of rotary positions. Only DINOv3 and EVA-02 are known to turn as this package does.
var rope = regexp.MustCompile(`(^|\.)rope`)

// lacks are the features that a missing tensor shows.
var lacks = []backbone.Lack{
	{Has: "blocks.0.norm1.weight", Lacks: "blocks.0.norm1.bias", What: "norms without biases (RMSNorm)"},
}

// explain says what kind of ViT a file is if its tensors make none that is known, "" if that can't be told.
func explain(m tensor.Map) string {
	found := backbone.FindTraits(m, traits, lacks)
	has := func(prefix string) bool {
		return slices.ContainsFunc(m.Names(), func(name string) bool { return strings.HasPrefix(name, prefix) })
	}
	if has("norm.") && has("fc_norm.") {
		found = append(found, "a norm behind the pooling, fc_norm, besides the last norm")
	}
	if formOfTimm(m).Rotary == "" && slices.ContainsFunc(m.Names(), rope.MatchString) {
		found = append(found, "rotary positions")
	}
	if found == nil {
		return ""
	}
	return fmt.Sprintf("this is a ViT with %s, which this version does not compute", and(found))
}

// and joins parts as "a, b and c".
func and(parts []string) string {
	last := len(parts) - 1
	if last == 0 {
		return parts[0]
	}
	return strings.Join(parts[:last], ", ") + " and " + parts[last]
}

// unused tells whether a tensor has no effect on the forward pass: it served pre-training only, or belongs to a layer before a
// head that does not exist.
func unused(m tensor.Map, name string) bool {
	switch {
	case name == "mask_token": // of masked image modelling
		return true
	case strings.HasPrefix(name, "decoder_"): // MAE's decoder
		return true
	case name == "rope.periods", name == "rope_embed.periods": // buffers: DINOv3's are always the same
		return true
	case strings.HasSuffix(name, ".attn.k_bias") && isZero(m[name]): // a buffer of EVA's
		return true
	case strings.HasPrefix(name, "pre_logits/"):
		_, head := m[headKernel]
		return !head
	case strings.HasPrefix(name, "pre_logits."):
		_, head := m[timmHead]
		return !head
	}
	return false
}

// isZero tells whether all elements are 0.
func isZero(t tensor.Tensor) bool {
	return t.Float32() != nil && !slices.ContainsFunc(t.Float32(), func(v float32) bool { return v != 0 })
}
