package vit

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// trait is a feature of other ViTs that this package does not compute.
type trait struct {
	names *regexp.Regexp // of its tensors, in timm's, Hugging Face's and original files
	what  string
}

var traits = []trait{
	{regexp.MustCompile(`\.(ls[12]\.gamma|gamma_[12]|layer_scale[12]\.lambda1|lambda_[12])$`), "LayerScale (DINOv2, DeiT-III)"},
	{regexp.MustCompile(`(^|\.)(reg_token|register_tokens|storage_tokens)$`), "register tokens (DINOv2 with registers, DINOv3)"},
	{regexp.MustCompile(`(^|\.)(dist_token|distillation_token)$|(^|\.)(head_dist|distillation_classifier)\.`), "a distillation token (distilled DeiT)"},
	{regexp.MustCompile(`\.(q_norm|k_norm)\.`), "q/k norm"},
	{regexp.MustCompile(`(^|\.)(norm_pre|pre_layrnorm|ln_pre)\.`), "a norm before its blocks, norm_pre (CLIP)"},
	{regexp.MustCompile(`(^|\.)fc_norm\.`), "a norm behind the pooling, fc_norm"},
	{regexp.MustCompile(`(^|\.)(attn_pool\.|head\.probe$|MAPHead_0/)`), "attention pooling (SigLIP)"},
	{regexp.MustCompile(`\.mlp\.(fc1_g|fc1_x|w12|w1|w3|gate_proj|weights_in)\.`), "SwiGLU (DINOv2 giant, DINOv3, EVA-02)"},
	{regexp.MustCompile(`(^|\.)rope`), "rotary positions (DINOv3, EVA-02)"},
	{regexp.MustCompile(`relative_position|rel_pos`), "relative positions (BEiT, Swin)"},
	{regexp.MustCompile(`\.(attns|ffns)\.\d`), "parallel branches in its blocks"},
	{regexp.MustCompile(`\.(in_proj|mlp_out_proj)\.`), "attention and MLP in parallel (ViT-22B)"},
	{regexp.MustCompile(`^layers\.\d+\.(blocks|downsample)\.`), "windows and stages (Swin)"},
	{regexp.MustCompile(`^conv_root/|^patch_embed\.backbone\.`), "a convolutional stem (hybrid)"},
}

// lacks are traits recognised by a missing tensor, given one that is there.
var lacks = []struct{ there, missing, what string }{
	{"patch_embed.proj.weight", "cls_token", "no class token (SigLIP)"},
	{"patch_embed.proj.weight", "patch_embed.proj.bias", "no bias in its patch embedding (CLIP)"},
	{"blocks.0.attn.qkv.weight", "blocks.0.attn.qkv.bias", "no biases of query, key and value"},
	{"blocks.0.norm1.weight", "blocks.0.norm1.bias", "norms without biases (RMSNorm)"},
}

// explain says what kind of ViT a file is if its tensors make no plain one, "" if that can't be told.
func explain(m tensor.Map) string {
	var found []string
	for _, t := range traits {
		if slices.ContainsFunc(m.Names(), t.names.MatchString) {
			found = append(found, t.what)
		}
	}
	for _, l := range lacks {
		_, there := m[l.there]
		if _, ok := m[l.missing]; there && !ok {
			found = append(found, l.what)
		}
	}
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
