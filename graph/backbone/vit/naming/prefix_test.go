package naming

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/tensor"
)

// behind is a copy of tensors whose names begin with one more prefix.
func behind(prefix string, m tensor.Map) tensor.Map {
	out := tensor.Map{}
	for name, t := range m {
		out[prefix+name] = t
	}
	return out
}

// TestPrefixes checks that wrappers around a network change nothing but the names, and that names in the file are told.
func TestPrefixes(t *testing.T) {
	cases := expected(t)
	for _, c := range []struct{ network, prefix, found, norm string }{
		{"hf_vit", "module.", "module.vit.", "module.vit.layernorm.weight"},
		{"hf_vit_model", "vit.", "vit.", "vit.layernorm.weight"},
		{"hf_vit_model", "backbone.", "backbone.", "backbone.layernorm.weight"},
		{"hf_dinov3", "dinov3_vit.", "dinov3_vit.", "dinov3_vit.norm.weight"},
		{"hf_clip", "model.", "model.vision_model.", "model.vision_model.post_layernorm.weight"},
		{"hf_clip_vision", "vision_model.", "vision_model.", "vision_model.post_layernorm.weight"},
		{"hf_siglip_vision", "vision_tower.vision_model.", "vision_tower.vision_model.", "vision_tower.vision_model.post_layernorm.weight"},
		{"dinov2", "teacher.backbone.", "teacher.backbone.", "teacher.backbone.norm.weight"},
		{"dinov2_chunked", "module.", "module.", "module.norm.weight"},
		{"dinov3", "_orig_mod.", "_orig_mod.", "_orig_mod.norm.weight"},
		{"deit3", "model.", "model.", "model.norm.weight"},
		{"openclip", "module.", "module.visual.", "module.visual.ln_post.weight"},
		{"torchvision", "module.", "module.", "module.encoder.ln.weight"},
	} {
		t.Run(c.prefix+c.network, func(t *testing.T) {
			r, ok, err := Rename(behind(c.prefix, read(t, c.network)))
			if err != nil || !ok {
				t.Fatalf("recognised: %v, %v", ok, err)
			}
			compare(t, r.Tensors, cases[c.network])
			if r.Prefix != c.found || r.Name("norm.weight") != c.norm {
				t.Errorf("prefix %q and name %q, want %q and %q", r.Prefix, r.Name("norm.weight"), c.found, c.norm)
			}
		})
	}
}

// TestChunks checks that blocks count through the chunks of an original DINOv2.
func TestChunks(t *testing.T) {
	m := tensor.Map{}
	for name, x := range read(t, "dinov2_chunked") {
		m[strings.Replace(name, "blocks.1.1.", "blocks.0.1.", 1)] = x
	}
	r, ok, err := Rename(m)
	if err != nil || !ok {
		t.Fatalf("recognised: %v, %v", ok, err)
	}
	compare(t, r.Tensors, expected(t)["dinov2_chunked"])
}

// TestSelfDistillation checks that of a student and its teacher the teacher is read, without the heads of their training.
func TestSelfDistillation(t *testing.T) {
	m := behind("teacher.backbone.", read(t, "dinov2_registers"))
	maps.Copy(m, behind("student.backbone.", read(t, "dinov2")))
	for _, name := range []string{"teacher.dino_head.mlp.0.weight", "teacher.ibot_head.last_layer.weight", "student.dino_head.mlp.0.weight"} {
		m[name] = tensor.Zeros(2, 2)
	}
	r, ok, err := Rename(m)
	if err != nil || !ok {
		t.Fatalf("recognised: %v, %v", ok, err)
	}
	compare(t, r.Tensors, expected(t)["dinov2_registers"])
	if want := []string{"student."}; !slices.Equal(r.Skipped, want) {
		t.Errorf("skipped %q, want %q", r.Skipped, want)
	}
	if want := []string{"teacher.backbone.mask_token", "teacher.dino_head.mlp.0.weight", "teacher.ibot_head.last_layer.weight"}; !slices.Equal(r.Unused, want) {
		t.Errorf("unused %q, want %q", r.Unused, want)
	}
}

// TestTimmTower checks a model of OpenCLIP whose image tower is timm's, with a projection outside of it.
func TestTimmTower(t *testing.T) {
	siglip, _, err := Rename(read(t, "hf_siglip_vision")) // timm's names now
	if err != nil {
		t.Fatal(err)
	}
	m := behind("visual.trunk.", siglip.Tensors)
	for name, shape := range map[string][]int{"visual.head.proj.weight": {12, 24}, "text.positional_embedding": {4, 8}, "logit_scale": {}, "logit_bias": {}} {
		m[name] = tensor.Zeros(shape...)
	}
	r, ok, err := Rename(m)
	if err != nil || !ok {
		t.Fatalf("recognised: %v, %v", ok, err)
	}
	want := maps.Clone(expected(t)["hf_siglip_vision"])
	head, bias := r.Tensors["head.weight"], r.Tensors["head.bias"]
	if !slices.Equal(head.Shape, []int{12, 24}) || !slices.Equal(bias.Shape, []int{12}) {
		t.Errorf("head of %v and %v", head.Shape, bias.Shape)
	}
	delete(r.Tensors, "head.weight")
	delete(r.Tensors, "head.bias")
	compare(t, r.Tensors, want)
	if r.Library != TIMM || r.Family != SigLIP || r.Positions != ResampleTimm || len(r.Skipped) != 3 {
		t.Errorf("%q, %q, %q, skipped %q", r.Library, r.Family, r.Positions, r.Skipped)
	}
}

// TestTimmFamilies checks the families of networks in timm's names, which stay as they are.
func TestTimmFamilies(t *testing.T) {
	for network, want := range map[string]Family{
		"hf_vit": Plain, "hf_deit": DeiT, "hf_dinov2": DINOv2, "hf_dinov2_registers": DINOv2, "hf_dinov3": DINOv3, "deit3": DeiT3,
		"hf_clip": CLIP, "hf_siglip": SigLIP, "hf_beit": BEiT,
	} {
		foreign, _, err := Rename(read(t, network))
		if err != nil {
			t.Fatal(err)
		}
		r, ok, err := Rename(foreign.Tensors)
		if err != nil || !ok {
			t.Fatalf("%s: recognised: %v, %v", network, ok, err)
		}
		if r.Library != TIMM || r.Family != want || r.Unused != nil || r.Skipped != nil {
			t.Errorf("%s: %q, %q, unused %q, skipped %q; want timm, %q", network, r.Library, r.Family, r.Unused, r.Skipped, want)
		}
		compare(t, r.Tensors, expected(t)[network])
	}
}

// TestNoClassToken checks that only networks in SigLIP's names, and timm's, are SigLIPs for want of a class token.
func TestNoClassToken(t *testing.T) {
	for network, c := range map[string]struct {
		without []string
		want    Family
	}{
		"hf_vit_model":     {[]string{"embeddings.cls_token"}, Plain}, // I-JEPA
		"hf_siglip_vision": {[]string{"head.probe"}, SigLIP},          // vision_use_head off
		"mae":              {[]string{"cls_token", "decoder_embed.weight", "decoder_blocks.0.norm1.weight"}, SigLIP},
	} {
		m := read(t, network)
		for _, name := range c.without {
			delete(m, name)
		}
		r, ok, err := Rename(m)
		if err != nil || !ok || r.Family != c.want {
			t.Errorf("%s: %q, recognised: %v, %v; want %q", network, r.Family, ok, err, c.want)
		}
	}
}
