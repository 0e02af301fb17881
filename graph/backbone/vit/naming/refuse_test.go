package naming

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestUnknownStays checks that a tensor which nothing explains stays, under a name that no reader takes for another tensor's.
func TestUnknownStays(t *testing.T) {
	for network, names := range map[string][]string{
		"hf_vit":         {"vit.encoder.layer.0.attention.lora_A.weight", "vit.layernorm.gamma", "regressor.weight", "norm.weight", "blocks.0.norm1.weight", "head.bias", "vit.encoder.layer.0.norm3.weight", "encoder.layer.0.output.dense.weight"},
		"hf_clip":        {"vision_model.adapter.weight", "classifier.weight", "text_adapter.weight", "vision_model.text_model.weight"},
		"hf_clip_vision": {"text_model.embeddings.token_embedding.weight", "logit_scale"},
		"hf_siglip":      {"classifier.weight"},
		"openclip":       {"visual.attn_pool.query", "visual.transformer.extra", "visual.positional_embedding2", "image_decoder.weight"},
		"dinov3":         {"cls_norm.weight", "blocks.0.extra.weight"},
		"torchvision":    {"encoder.layers.encoder_layer_0.mlp.1.weight", "aux.weight"},
	} {
		m := read(t, network)
		for _, name := range names {
			m[name] = tensor.Zeros(3)
		}
		r, ok, err := Rename(m)
		if err != nil || !ok {
			t.Errorf("%s: recognised: %v, %v", network, ok, err)
			continue
		}
		wanted := expected(t)[network]
		var unknown []string
		for name := range r.Tensors {
			if _, ok := wanted[name]; !ok {
				if network != "dinov3" && !strings.HasPrefix(name, unexplained) { // DINOv3 has timm's names but for a few
					t.Errorf("%s: %s stays as %s", network, r.Name(name), name)
				}
				unknown = append(unknown, r.Name(name))
			}
		}
		slices.Sort(unknown)
		if slices.Sort(names); !slices.Equal(unknown, names) {
			t.Errorf("%s: %q are unknown, want %q", network, unknown, names)
		}
	}
}

// TestErrors checks that files which can't be renamed are refused, with the names in the file.
func TestErrors(t *testing.T) {
	const q, k = "vit.encoder.layer.1.attention.attention.query.weight", "vit.encoder.layer.1.attention.attention.key.weight"
	for what, c := range map[string]struct {
		network string
		change  func(m tensor.Map)
		want    []string
	}{
		"key missing":        {"hf_vit", func(m tensor.Map) { delete(m, k) }, []string{"there is no tensor " + k, "though there is a " + q}},
		"query missing":      {"hf_vit", func(m tensor.Map) { delete(m, q) }, []string{"there is no tensor " + q}},
		"key of other width": {"hf_vit", func(m tensor.Map) { m[k] = tensor.Zeros(24, 20) }, []string{k, "[24 20]", "[24 24]", q}},
		"key of other rank":  {"hf_vit", func(m tensor.Map) { m[k] = tensor.Zeros(24) }, []string{k, "[24]"}},
		"key is a scalar":    {"hf_vit", func(m tensor.Map) { m[k] = tensor.Scalar(float32(1)) }, []string{k, "[]"}},
		"key of integers":    {"hf_vit", func(m tensor.Map) { m[k] = tensor.Must(make([]int64, 576), 24, 24) }, []string{k, "does not hold floats"}},
		"two heads": {"hf_vit", func(m tensor.Map) { m["cls_classifier.weight"] = tensor.Zeros(5, 24) },
			[]string{"classifier.weight and cls_classifier.weight are both head.weight", "remove one"}},
		"query in two namings": {"hf_dinov2", func(m tensor.Map) {
			m["vit.embeddings.cls_token"] = tensor.Zeros(1, 1, 24)
			m["dinov2.encoder.layer.0.layernorm_before.weight"] = tensor.Zeros(24)
		}, []string{"dinov2.encoder.layer.0.norm1.weight", "dinov2.encoder.layer.0.layernorm_before.weight", "are both blocks.0.norm1.weight"}},
		"two backbones": {"hf_vit", func(m tensor.Map) { maps.Copy(m, behind("model.", maps.Clone(m))) },
			[]string{"it has 2 backbones", "model.vit. and vit.", "keep the tensors of one"}},
		"pooling not in thirds": {"hf_siglip", func(m tensor.Map) { m["vision_model.head.attention.in_proj_weight"] = tensor.Zeros(70, 24) },
			[]string{"vision_model.head.attention.in_proj_weight", "[70 24]"}},
		"patches not square": {"hf_siglip2_naflex", func(m tensor.Map) { m["embeddings.patch_embedding.weight"] = tensor.Zeros(24, 36) },
			[]string{"embeddings.patch_embedding.weight", "[24 36]"}},
		"positions of other width": {"dinov2_registers", func(m tensor.Map) { m["pos_embed"] = tensor.Zeros(1, 17, 20) }, []string{"pos_embed", "[1 17 20]", "cls_token"}},
		"mask of values": {"dinov3", func(m tensor.Map) { m["blocks.1.attn.qkv.bias_mask"].Float32()[60] = 0 },
			[]string{"blocks.1.attn.qkv.bias_mask", "no mask"}},
		"mask of halves":     {"dinov3", func(m tensor.Map) { m["blocks.1.attn.qkv.bias_mask"].Float32()[3] = 0.5 }, []string{"blocks.1.attn.qkv.bias_mask", "no mask"}},
		"mask of other size": {"dinov3", func(m tensor.Map) { m["blocks.1.attn.qkv.bias_mask"] = tensor.Zeros(71) }, []string{"blocks.1.attn.qkv.bias_mask", "no mask"}},
		"mask without bias":  {"dinov3", func(m tensor.Map) { delete(m, "blocks.1.attn.qkv.bias") }, []string{"blocks.1.attn.qkv.bias_mask", "blocks.1.attn.qkv.bias"}},
	} {
		t.Run(what, func(t *testing.T) {
			m := read(t, c.network)
			c.change(m)
			_, _, err := Rename(m)
			expect.Error(t, err, c.want...)
		})
	}
}

// TestKeyBias checks that the key's bias of an original DINOv3 is left out only if it is masked or zero.
func TestKeyBias(t *testing.T) {
	m := read(t, "dinov3")
	delete(m, "blocks.0.attn.qkv.bias_mask")
	delete(m, "blocks.1.attn.qkv.bias_mask")
	clear(m["blocks.1.attn.qkv.bias"].Float32()[24:48])
	r, _, err := Rename(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"blocks.0.attn.qkv.bias": true, "blocks.0.attn.q_bias": false, "blocks.1.attn.qkv.bias": false, "blocks.1.attn.q_bias": true} {
		if _, ok := r.Tensors[name]; ok != want {
			t.Errorf("%s: there %v, want %v", name, ok, want)
		}
	}
	for name, x := range m { // before the elements are read, nothing tells whether a bias has an effect
		m[name] = tensor.Tensor{Shape: x.Shape, Data: []float32(nil)}
	}
	if _, ok, err := Rename(m); !ok || err != nil {
		t.Errorf("recognised: %v, %v", ok, err)
	}
}

// TestOutline checks that the names and shapes alone, before the elements of a file are read, give the same names and shapes.
func TestOutline(t *testing.T) {
	for network, wanted := range expected(t) {
		m := read(t, network)
		for name, x := range m {
			if x.Float32() != nil {
				m[name] = tensor.Tensor{Shape: x.Shape, Data: []float32(nil)}
			}
		}
		r, ok, err := Rename(m)
		if err != nil || !ok {
			t.Errorf("%s: recognised: %v, %v", network, ok, err)
			continue
		}
		if names := slices.Sorted(maps.Keys(wanted)); !slices.Equal(r.Tensors.Names(), names) {
			t.Errorf("%s: names %q, want %q", network, r.Tensors.Names(), names)
		}
		for name, w := range wanted {
			if x := r.Tensors[name]; !slices.Equal(x.Shape, w.Shape) || len(x.Float32()) != 0 && !strings.HasPrefix(name, "head.bias") {
				t.Errorf("%s: %s has shape %v and %d elements, want %v and none", network, name, x.Shape, len(x.Float32()), w.Shape)
			}
		}
	}
}

// TestNotRecognised checks files that have no ViT in a known naming.
func TestNotRecognised(t *testing.T) {
	for _, names := range [][]string{
		nil, {"conv1.weight", "layer1.0.conv1.weight"}, {"visual.conv1.weight", "visual.layer1.0.conv1.weight"},
		{"embeddings.patch_embeddings.projection.weight"}, {"patch_embed.proj.weight", "layers.0.blocks.0.norm1.weight"},
		{"embedding/kernel", "cls"}, {"module.base_encoder.patch_embed.proj.weight", "module.base_encoder.blocks.0.norm1.weight"},
		{"text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.self_attn.q_proj.weight"},
	} {
		m := tensor.Map{}
		for _, name := range names {
			m[name] = tensor.Zeros(1)
		}
		if r, ok, err := Rename(m); ok || err != nil {
			t.Errorf("%q: recognised as %q, %v", names, r.Library, err)
		}
	}
}

// TestHostileShapes checks that no shape of any tensor, with elements or without, and no element type makes the renaming panic.
func TestHostileShapes(t *testing.T) {
	shapes := [][]int{{}, {0}, {2}, {72}, {3, 0}, {24, 24}, {1, 0, 24}, {1, 17, 24}, {0, 1, 2, 3}}
	for _, network := range []string{"hf_dinov2_registers", "hf_dinov2_swiglu_modules", "hf_dinov3_gated", "hf_siglip2_naflex", "openai_clip", "dinov3", "deit3"} {
		m := read(t, network)
		for _, name := range m.Names() {
			if strings.Contains(name, "layer.1.") || strings.Contains(name, "layers.1.") || strings.Contains(name, "blocks.1.") || strings.HasPrefix(name, "text_model.") {
				continue // as block 0
			}
			kept := m[name]
			for _, shape := range shapes {
				for _, data := range []any{make([]float32, tensor.Size(shape)), []float32(nil), make([]int64, tensor.Size(shape))} {
					m[name] = tensor.Tensor{Shape: shape, Data: data}
					r, ok, err := Rename(m)
					if ok && err != nil {
						t.Fatalf("%s: %s %v: recognised with %v", network, name, shape, err)
					}
					if ok {
						r.Name(name)
					}
				}
			}
			m[name] = kept
		}
	}
}
