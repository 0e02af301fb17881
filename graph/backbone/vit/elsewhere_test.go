package vit

import (
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestOtherNames checks that the error for weights with another program's names identifies it and says what to do.
func TestOtherNames(t *testing.T) {
	m := tensor.Map{}
	const prefix = "module.base_encoder."
	for name, v := range timmNames() {
		m[prefix+name] = v
	}
	_, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2})
	expect.Error(t, err, `its names begin with "`+prefix+`"`, "removeprefix('"+prefix+"')")
	for name, want := range map[string]string{
		"vit.embeddings.patch_embeddings.projection.weight":   "Hugging Face transformers",
		"embeddings.patch_embeddings.projection.weight":       "Hugging Face transformers",
		"vision_model.embeddings.patch_embedding.weight":      "Hugging Face transformers",
		"visual.conv1.weight":                                 "OpenCLIP",
		"encoder.layers.encoder_layer_0.ln_1.weight":          "torchvision",
		"layers.0.blocks.0.attn.relative_position_bias_table": "windows and stages (Swin)",
		"layer.0.attention.rope_embeddings":                   "rotary positions",
		"blocks.0.mlp.w12.weight":                             "SwiGLU",
	} {
		_, err := backbone.Load(t.Context(), writeSafetensors(t, tensor.Map{name: tensor.Zeros(4)}), backbone.Options{Heads: 2})
		expect.Error(t, err, want)
	}
}
