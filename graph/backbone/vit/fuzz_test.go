package vit

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// FuzzParse checks that an accepted description survives String and Parse.
func FuzzParse(f *testing.F) {
	f.Add("vit_b16")
	f.Add("vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384")
	f.Add("vit:image=1048576,patch=1,width=1048576,depth=1048576,heads=1,mlp=1")
	f.Fuzz(func(t *testing.T, text string) {
		var a backbone.Architecture
		var err error
		expect.Memory(t, 256*len(text), func() { a, err = backbone.Parse(text) })
		if err != nil {
			return
		}
		again, err := backbone.Parse(a.String())
		if err != nil || again.With(backbone.Sizes{Eps: a.NormEps()}) != a {
			t.Errorf("%q is %v, then %v: %v", text, a, again, err)
		}
	})
}

// FuzzDescription reads the description in a SavedModel.
func FuzzDescription(f *testing.F) {
	whole, err := os.ReadFile("../../../saved_models/default/assets.extra/" + descriptionFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 64*len(raw), func() {
			var d backbone.Description
			err := json.Unmarshal(raw, &d)
			if err == nil && d.Validate() != nil {
				t.Errorf("%+v: %v", d, d.Validate())
			}
		})
	})
}

// FuzzCompanion reads the JSON files that other programs write beside weights. What is accepted must be a backbone that can be computed,
// and an error must name the file in one line.
func FuzzCompanion(f *testing.F) {
	names := []string{"config.json", "preprocessor_config.json", "open_clip_config.json", "model.json"}
	members := []string{"plain", "clip", "dinov2", "dinov3", "siglip"}
	for i, text := range []string{
		hub("vit", `, "layer_norm_eps": 1e-6, "id2label": {"0": "a"}`), hub("dinov3_vit", `, "rope_parameters": {"rope_theta": 100}`),
		`{"model_type": "siglip", "vision_config": {"hidden_size": 24, "num_attention_heads": 2, "patch_size": [4, 4]}}`,
		`{"architecture": "vit_base_patch16_clip_224", "num_features": 24, "model_args": {"num_heads": 2, "reg_tokens": 0}, "pretrained_cfg": {"input_size": [3, 12, 12], "mean": [0.5, 0.5, 0.5]}}`,
	} {
		f.Add(text, uint8(0), uint8(i))
	}
	f.Add(`{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 3, "rescale_factor": 0.00392156862745098}`, uint8(1), uint8(0))
	f.Add(`{"model_cfg": {"vision_cfg": {"width": 24, "layers": 2, "head_width": 12, "patch_size": 4, "image_size": 12}}, "preprocess_cfg": {"mean": [0, 0, 0], "std": [1, 1, 1]}}`, uint8(2), uint8(1))
	f.Add(`{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "heads": 2, "pool": "mean", "activation": "gelu"}`, uint8(3), uint8(2))
	folder := f.TempDir()
	weights := filepath.Join(folder, "model.safetensors")
	f.Fuzz(func(t *testing.T, text string, name, member uint8) {
		raw, err := os.ReadFile(filepath.Join("testdata", "family", members[int(member)%len(members)]+".safetensors"))
		expect.NoError(t, err)
		expect.NoError(t, os.WriteFile(weights, raw, 0o600))
		file := filepath.Join(folder, names[int(name)%len(names)])
		expect.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		defer os.Remove(file)
		var bb *backbone.Backbone
		expect.Memory(t, 1<<22+256*len(text), func() {
			bb, err = backbone.Load(t.Context(), weights, backbone.Options{Beside: func(name string) bool { return strings.HasPrefix(name, expectedPrefix) }})
		})
		if err != nil {
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), folder) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for c := range 3 {
			if !(bb.Std[c] > 0) || math.IsInf(bb.Std[c], 0) || math.IsNaN(bb.Mean[c]) || math.IsInf(bb.Mean[c], 0) {
				t.Errorf("%q: mean %v, std %v", text, bb.Mean, bb.Std)
			}
		}
		if err := bb.Validate(); err != nil || !(bb.NormEps() > 0) || bb.Heads() < 1 {
			t.Errorf("%q: %d heads, eps %v, %v", text, bb.Heads(), bb.NormEps(), err)
		}
	})
}
