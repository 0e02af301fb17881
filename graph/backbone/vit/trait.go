package vit

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// traits are features of other ViTs that this package does not compute, by their tensors' names in timm's, Hugging Face's and
// original files.
var traits = []backbone.Trait{
	{Names: regexp.MustCompile(`\.(ls[12]\.gamma|gamma_[12]|layer_scale[12]\.lambda1|lambda_[12])$`), What: "LayerScale (DINOv2, DeiT-III)"},
	{Names: regexp.MustCompile(`(^|\.)(reg_token|register_tokens|storage_tokens)$`), What: "register tokens (DINOv2 with registers, DINOv3)"},
	{Names: regexp.MustCompile(`(^|\.)(dist_token|distillation_token)$|(^|\.)(head_dist|distillation_classifier)\.`), What: "a distillation token (distilled DeiT)"},
	{Names: regexp.MustCompile(`\.(q_norm|k_norm)\.`), What: "q/k norm"},
	{Names: regexp.MustCompile(`(^|\.)(norm_pre|pre_layrnorm|ln_pre)\.`), What: "a norm before its blocks, norm_pre (CLIP)"},
	{Names: regexp.MustCompile(`(^|\.)fc_norm\.`), What: "a norm behind the pooling, fc_norm"},
	{Names: regexp.MustCompile(`(^|\.)(attn_pool\.|head\.probe$|MAPHead_0/)`), What: "attention pooling (SigLIP)"},
	{Names: regexp.MustCompile(`\.mlp\.(fc1_g|fc1_x|w12|w1|w3|gate_proj|weights_in)\.`), What: "SwiGLU (DINOv2 giant, DINOv3, EVA-02)"},
	{Names: regexp.MustCompile(`(^|\.)rope`), What: "rotary positions (DINOv3, EVA-02)"},
	{Names: regexp.MustCompile(`relative_position|rel_pos`), What: "relative positions (BEiT, Swin)"},
	{Names: regexp.MustCompile(`\.(attns|ffns)\.\d`), What: "parallel branches in its blocks"},
	{Names: regexp.MustCompile(`\.(in_proj|mlp_out_proj)\.`), What: "attention and MLP in parallel (ViT-22B)"},
	{Names: regexp.MustCompile(`^layers\.\d+\.(blocks|downsample)\.`), What: "windows and stages (Swin)"},
	{Names: regexp.MustCompile(`^conv_root/|^patch_embed\.backbone\.`), What: "a convolutional stem (hybrid)"},
}

// lacks are the features that a missing tensor shows.
var lacks = []backbone.Lack{
	{Has: "patch_embed.proj.weight", Lacks: "cls_token", What: "no class token (SigLIP)"},
	{Has: "patch_embed.proj.weight", Lacks: "patch_embed.proj.bias", What: "no bias in its patch embedding (CLIP)"},
	{Has: "blocks.0.attn.qkv.weight", Lacks: "blocks.0.attn.qkv.bias", What: "no biases of query, key and value"},
	{Has: "blocks.0.norm1.weight", Lacks: "blocks.0.norm1.bias", What: "norms without biases (RMSNorm)"},
}

// explain says what kind of ViT a file is if its tensors make no plain one, "" if that can't be told.
func explain(m tensor.Map) string {
	found := backbone.FindTraits(m, traits, lacks)
	if fc1, fc2 := m["blocks.0.mlp.fc1.weight"], m["blocks.0.mlp.fc2.weight"]; len(fc1.Shape) == 2 && len(fc2.Shape) == 2 && fc1.Shape[0] == 2*fc2.Shape[1] {
		found = append(found, "packed SwiGLU (DINOv2 giant)")
	}
	if p := m["pos_embed"]; len(p.Shape) == 3 && isSquare(p.Shape[1]) {
		found = append(found, "positions of the patches only (DeiT-III, SigLIP)")
	}
	if found == nil {
		return ""
	}
	return fmt.Sprintf("this is a ViT with %s, which this version does not compute", and(found))
}

func isSquare(n int) bool {
	side := int(math.Round(math.Sqrt(float64(n))))
	return n > 0 && side*side == n
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
	case strings.HasPrefix(name, "pre_logits/"):
		_, head := m[headKernel]
		return !head
	case strings.HasPrefix(name, "pre_logits."):
		_, head := m[timmHead]
		return !head
	}
	return false
}
