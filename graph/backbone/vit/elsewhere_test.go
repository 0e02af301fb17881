package vit

import (
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestOtherNames checks that the error for weights with another program's names identifies it and says what to do.
func TestOtherNames(t *testing.T) {
	for _, prefix := range []string{"module.", "model.", "backbone.", "module.base_encoder."} {
		m := tensor.Map{}
		for name, v := range timmNames() {
			m[prefix+name] = v
		}
		_, err := backbone.Load(t.Context(), writeSafetensors(t, m), backbone.Options{Heads: 2})
		expect.Error(t, err, `its names begin with "`+prefix+`"`, "removeprefix('"+prefix+"')")
	}
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

// TestDownloads checks that the errors for shards, their index and download folders identify them and say what to do.
func TestDownloads(t *testing.T) {
	for _, c := range []struct {
		name  string // of the path to load; "" for the last of files
		files []string
		want  []string
	}{
		{"model-00001-of-00002.safetensors", []string{"model-00001-of-00002.safetensors"}, []string{"one of 2 shards", "joined.safetensors"}},
		{"model.safetensors.index.json", []string{"model.safetensors.index.json"}, []string{"list of the shards", "*-of-*.safetensors"}},
		{".", []string{"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"}, []string{"shards"}},
		{".", []string{"config.json", "model.safetensors"}, []string{"name the weight file in it", "model.safetensors"}},
		{".", []string{"config.json", "pytorch_model.bin"}, []string{"pytorch_model.bin"}},
		{".", []string{"config.json"}, []string{"not a SavedModel"}},
		{"pytorch_model.bin", []string{"pytorch_model.bin"}, []string{"Python pickle", "torch.load", "save_file"}},
	} {
		folder := t.TempDir()
		for _, name := range c.files {
			if err := os.WriteFile(filepath.Join(folder, name), []byte("\x80\x02}q\x00."), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := backbone.Load(t.Context(), filepath.Join(folder, c.name), backbone.Options{})
		expect.Error(t, err, c.want...)
	}
}
