package vit

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
)

// TestNoPlace checks that a file with a tensor that the forward pass does not use is refused, and that the error identifies the
// network. Names and shapes are those of timm's models.
func TestNoPlace(t *testing.T) {
	d := tiny.Width
	inBlocks := func(name string, shape ...int) func(m tensor.Map) {
		return func(m tensor.Map) {
			for i := range tiny.Depth {
				m[fmt.Sprintf("blocks.%d.%s", i, name)] = tensor.Zeros(shape...)
			}
		}
	}
	one := func(name string, shape ...int) func(m tensor.Map) {
		return func(m tensor.Map) { m[name] = tensor.Zeros(shape...) }
	}
	for _, c := range []struct {
		what   string
		change func(m tensor.Map)
		want   []string
	}{
		{"half a LayerScale", inBlocks("ls1.gamma", d), []string{"no tensor blocks.0.ls2.gamma"}},
		{"the other half", inBlocks("ls2.gamma", d), []string{"blocks.0.ls2.gamma, blocks.1.ls2.gamma", "no place"}},
		{"LayerScale of BEiT", func(m tensor.Map) { inBlocks("gamma_1", d)(m); inBlocks("gamma_2", d)(m) }, []string{"gamma_1", "may have rotary positions"}},
		{"half a LayerScale of BEiT", inBlocks("gamma_2", d), []string{"blocks.0.gamma_2", "no place"}},
		{"norm_pre without bias", one("norm_pre.weight", d), []string{"no tensor norm_pre.bias"}},
		{"norm_pre and LayerScale", func(m tensor.Map) { m["norm_pre.weight"] = tensor.Zeros(d); inBlocks("ls1.gamma", d)(m) }, []string{"norm_pre and LayerScale"}},
		{"biases of EVA", func(m tensor.Map) {
			inBlocks("attn.q_bias", d)(m)
			inBlocks("attn.v_bias", d)(m)
			delete(m, "blocks.0.attn.qkv.bias")
			delete(m, "blocks.1.attn.qkv.bias")
		}, []string{"biases of query and value only", "EVA of the first version"}},
		{"norm in the attention", inBlocks("attn.norm.weight", d), []string{"blocks.0.attn.norm.weight", "norm of the attention's output"}},
		{"q/k norm", inBlocks("attn.q_norm.weight", 3), []string{"blocks.0.attn.q_norm.weight", "q/k norm"}},
		{"registers", one("reg_token", 1, 4, d), []string{"pos_embed has 5 positions, which is not a square of patches"}},
		{"distilled", one("dist_token", 1, 1, d), []string{"5 positions", "distillation token"}},
		{"fc_norm too", one("fc_norm.bias", d), []string{"fc_norm.bias", "behind the pooling"}},
		{"fc_norm", func(m tensor.Map) { rename(m, "norm.", "fc_norm.") }, []string{"fc_norm in place of norm", `{"pool": "mean"}`}},
		{"attention pooling", one("attn_pool.latent", 1, 1, d), []string{"attention pooling beside a class token"}},
		{"SwiGLU", inBlocks("mlp.fc1_g.weight", 10, d), []string{"blocks.0.mlp.fc1.weight", "no place"}},
		{"half a packed SwiGLU", one("blocks.0.mlp.fc2.weight", d, 5), []string{"blocks.1.mlp.fc2.weight", "[6 10]", "[6 5]"}},
		{"no biases", func(m tensor.Map) { delete(m, "blocks.0.attn.qkv.bias") }, []string{"blocks.1.attn.qkv.bias", "no place"}},
		{"RMSNorm", func(m tensor.Map) { delete(m, "blocks.0.norm1.bias") }, []string{"blocks.0.norm1.bias", "RMSNorm"}},
		{"no class token", func(m tensor.Map) { delete(m, "cls_token") }, []string{"5 positions, which is not a square of patches"}},
		{"no positions", func(m tensor.Map) { delete(m, "pos_embed"); m["rope.periods"] = tensor.Zeros(16) }, []string{"pos_embed", "rotary positions"}},
		{"relative positions", inBlocks("attn.relative_position_bias_table", 12, 2), []string{"relative positions (BEiT, Swin)"}},
		{"unknown", one("blocks.1.mlp.norm.weight", 10), []string{"blocks.1.mlp.norm.weight", "no place"}},
		{"many", func(m tensor.Map) {
			for i := range 9 {
				m[fmt.Sprintf("extra.%d", i)] = tensor.Zeros(1)
			}
		}, []string{"extra.0, extra.1, extra.2, extra.3, extra.4 and 4 more"}},
		{"a head of another rank", one("head.weight", 3, d, 1), []string{"head.weight", "no place"}},
		{"a block's number in another form", one("blocks.01.norm1.weight", d), []string{"blocks.01.norm1.weight"}},
		{"a gap", func(m tensor.Map) { rename(m, "blocks.1.", "blocks.3.") }, []string{"there is a blocks.3, but no blocks.1, blocks.2"}},
		{"a wide gap", func(m tensor.Map) { rename(m, "blocks.1.", "blocks.12.") }, []string{"no blocks.1, blocks.2, blocks.3, blocks.4, blocks.5 and 6 more"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := timmNames()
			c.change(m)
			path := writeSafetensors(t, m)
			_, err := backbone.Load(t.Context(), path, backbone.Options{Heads: 2})
			expect.Error(t, err, append(c.want, path)...)
		})
	}
}

func rename(m tensor.Map, from, to string) {
	for name, v := range maps.Clone(m) {
		if rest, ok := strings.CutPrefix(name, from); ok {
			delete(m, name)
			m[to+rest] = v
		}
	}
}

// TestNoPlaceElsewhere checks the same for .npz files and SavedModels.
func TestNoPlaceElsewhere(t *testing.T) {
	bb := random(t, tiny)
	bb.Weights["MAPHead_0/probe"] = tensor.Zeros(1, 1, 6)
	_, err := backbone.Load(t.Context(), writeNPZ(t, bb.Weights), backbone.Options{})
	expect.Error(t, err, "MAPHead_0/probe", "attention pooling")
	delete(bb.Weights, "MAPHead_0/probe")
	rename(bb.Weights, "Transformer/encoderblock_1/", "Transformer/encoderblock_2/")
	_, err = backbone.Load(t.Context(), writeNPZ(t, bb.Weights), backbone.Options{})
	expect.Error(t, err, "there is a Transformer/encoderblock_2, but no Transformer/encoderblock_1")

	one := random(t, tiny)
	name := filepath.Join(t.TempDir(), "model")
	if err := one.Export(name, "", graph.FP32); err != nil {
		t.Fatal(err)
	}
	about := filepath.Join(name, savedmodel.ExtraDir, descriptionFile)
	raw, err := os.ReadFile(about)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(about, bytes.Replace(raw, []byte(`"depth": 2`), []byte(`"depth": 1`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = backbone.Load(t.Context(), name, backbone.Options{})
	expect.Error(t, err, name, "Transformer/encoderblock_1/LayerNorm_0/bias", "no place")
}

// TestUnused checks that tensors known to have no effect are accepted and have none.
func TestUnused(t *testing.T) {
	plain, err := backbone.Load(t.Context(), writeSafetensors(t, timmNames()), backbone.Options{Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	m := timmNames()
	for _, name := range []string{"mask_token", "rope.periods", "decoder_embed.weight", "decoder_blocks.0.norm1.weight", "pre_logits.fc.weight"} {
		m[name] = tensor.Zeros(1, 1, tiny.Width)
	}
	m["lora"] = tensor.Zeros(1)
	bb, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2, Beside: func(name string) bool { return name == "lora" }})
	if err != nil {
		t.Fatal(err)
	}
	plain.Mean, plain.Std = imageNetMean, imageNetStd // of masked autoencoders, which have such tensors
	arch := plain.Architecture.(Architecture)
	arch.Resampling = ResampleHF // likewise
	plain.Architecture = arch
	if bb.Description != plain.Description || bb.Fingerprint() != plain.Fingerprint() {
		t.Errorf("read %+v, want %+v and the same weights", bb.Description, plain.Description)
	}
}
