package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// hubFolder makes a folder as a model hub leaves it, with one of the small networks of graph/backbone/vit/testdata/family and files
// beside it.
func hubFolder(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	f, err := weight.Open(filepath.Join("..", "..", "graph", "backbone", "vit", "testdata", "family", name+".safetensors"))
	expect.NoError(t, err)
	maps.DeleteFunc(f.Tensors, func(name string, _ tensor.Tensor) bool { return strings.HasPrefix(name, "test/") })
	folder := t.TempDir()
	expect.NoError(t, writeSafetensors(filepath.Join(folder, "model.safetensors"), f.Tensors, map[string]string{"format": "pt"}))
	for name, text := range files {
		write(t, filepath.Join(folder, name), []byte(text))
	}
	return folder
}

const openAIConfig = `{"model_type": "clip", "vision_config": {"model_type": "clip_vision_model", "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 12, "patch_size": 4, "intermediate_size": 48}}`

// TestInspectSays: inspect prints family, naming, normalisation, epsilon, activation and pooling, and where each comes from.
func TestInspectSays(t *testing.T) {
	for _, c := range []struct {
		name, member string
		files        map[string]string
		flags        []string
		out, err     []string
	}{
		{"CLIP with its config", "clip", map[string]string{"config.json": openAIConfig, "preprocessor_config.json": `{"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "resample": 3}`}, nil,
			[]string{"family ViT, as CLIP (file)", "names timm", "blocks pre-norm (usual for CLIP)", "activation quick_gelu (config.json)", "heads 2 (config.json)", "layer_norm_eps 1e-05 (config.json)",
				"mean [0.1 0.2 0.3] (preprocessor_config.json), std [0.4 0.5 0.6] (preprocessor_config.json)", "pooling cls (usual for CLIP)"}, nil},
		{"CLIP alone", "clip", nil, []string{"--heads", "2"},
			[]string{"activation gelu (guess)", "heads 2 (flag)", "layer_norm_eps 1e-05 (usual for CLIP)", "mean [0.48145466 0.4578275 0.40821073] (usual for CLIP)"}, []string{"guessed, because nothing tells: activation gelu"}},
		{"DINOv2 with flags", "dinov2_reg4", map[string]string{"preprocessor_config.json": `{"image_mean": [0.1, 0.2, 0.3], "resample": 2}`}, []string{"--heads", "2", "--mean", "0.5", "--std", "0.5"},
			[]string{"family ViT, as DINOv2 (file)", "mean [0.5 0.5 0.5] (flag), std [0.5 0.5 0.5] (flag)"},
			[]string{"mean [0.5 0.5 0.5] as given, in place of the [0.1 0.2 0.3] of preprocessor_config.json", "std [0.5 0.5 0.5] as given, in place of the [0.229 0.224 0.225] of a DINOv2", "resized by bilinear interpolation, here it is bicubic"}},
		{"plain", "plain", nil, []string{"--heads", "2"}, []string{"family ViT (file)", "blocks pre-norm (guess)", "activation gelu (guess)", "mean [0.5 0.5 0.5] (guess), std [0.5 0.5 0.5] (guess)", "pooling cls (guess)"},
			[]string{"the normalisation is assumed: if the model card says otherwise, set it", "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := hubFolder(t, c.member, c.files)
			o := cli(t, append(append([]string{"backbone", "inspect"}, c.flags...), folder)...)
			o.want(t, exitDone, c.err...)
			shown := strings.Join(strings.Fields(o.out), " ")
			for _, text := range append(c.out, filepath.Join(folder, "model.safetensors")+" (safetensors)") {
				if !strings.Contains(shown, text) {
					t.Errorf("inspect does not say %q:\n%s", text, o.out)
				}
			}
			var info map[string]any
			decode(t, []byte(cli(t, append(append([]string{"backbone", "inspect", "--json"}, c.flags...), folder)...).out), &info)
			if info["naming"] != "timm" || info["family"] != "vit" {
				t.Errorf("inspect --json: %v", info)
			}
		})
	}
}

// TestFolderAsBackbone: a run with a folder as backbone, and predictions of its adapter with the folder, the file and its shards.
func TestFolderAsBackbone(t *testing.T) {
	folder, run := hubFolder(t, "clip", map[string]string{"config.json": openAIConfig}), filepath.Join(t.TempDir(), "run")
	cli(t, "fine-tune", "--method", "bitfit", "--backbone", folder, "--data", fixture.data, "--out", run, "--epochs", "1", "--batch", "8").want(t, exitDone)
	var r result.Run
	decode(t, read(t, run, result.RunFile), &r)
	file := filepath.Join(folder, "model.safetensors")
	if b := r.Backbone; b.Path != file || b.Sources["activation"] != "config.json" || b.Eps != 1e-5 || len(b.SHA256) != 64 {
		t.Errorf("run.json says %+v", b)
	}
	predict := func(backbone string) []prediction {
		t.Helper()
		return predictions(t, "predict", "--backbone", backbone, "--adapter", filepath.Join(run, result.AdapterFile), fixture.data)
	}
	want := predict(folder)
	sameLogits(t, predict(file), want, 0)

	// The adapter knows the activation of its training, which the weights alone do not tell.
	bare := hubFolder(t, "clip", nil)
	sameLogits(t, predict(bare), want, 0)
	write(t, filepath.Join(bare, "config.json"), []byte(strings.Replace(openAIConfig, `"patch_size"`, `"hidden_act": "gelu", "patch_size"`, 1)))
	sameLogits(t, predict(bare), want, 0)
	cli(t, "eval", "--backbone", bare, "--adapter", filepath.Join(run, result.AdapterFile), "--data", fixture.data).want(t, exitDone, "activation quick_gelu as the adapter was trained, in place of the gelu of config.json")

	f, err := weight.Open(file)
	expect.NoError(t, err)
	shards := t.TempDir()
	write(t, filepath.Join(shards, "config.json"), []byte(openAIConfig))
	parts, index := [2]tensor.Map{{}, {}}, []string{}
	names := [2]string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
	for i, name := range f.Tensors.Names() {
		parts[i%2][name] = f.Tensors[name]
		index = append(index, `"`+name+`": "`+names[i%2]+`"`)
	}
	for i, part := range parts {
		expect.NoError(t, writeSafetensors(filepath.Join(shards, names[i]), part, nil))
	}
	write(t, filepath.Join(shards, "model.safetensors.index.json"), []byte(`{"weight_map": {`+strings.Join(index, ", ")+`}}`))
	sameLogits(t, predict(shards), want, 0)
	sameLogits(t, predict(filepath.Join(shards, "model.safetensors.index.json")), want, 0)
	expect.NoError(t, os.Remove(filepath.Join(shards, names[1])))
	cli(t, "backbone", "inspect", shards).want(t, exitFailed, "1 of the 2 shards", names[1])
}

// TestDeiT: the real DeiT-Ti gets ImageNet's normalisation from its config.json, and without one it is said what was assumed.
func TestDeiT(t *testing.T) {
	weights := need.Shared(t, "backbones", "deit_tiny_patch16_224.safetensors")
	folder := t.TempDir()
	expect.NoError(t, os.Symlink(weights, filepath.Join(folder, "model.safetensors")))
	o := cli(t, "backbone", "inspect", folder)
	o.want(t, exitDone, "guessed, because nothing tells", "mean [0.5 0.5 0.5]", "the normalisation is assumed", "DeiT")
	write(t, filepath.Join(folder, "config.json"), []byte(`{"architecture": "deit_tiny_patch16_224", "num_classes": 1000, "num_features": 192,
		"pretrained_cfg": {"tag": "fb_in1k", "input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.9, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "num_classes": 1000}}`))
	o = cli(t, "backbone", "inspect", folder)
	if o.want(t, exitDone); strings.Contains(o.err, "assumed") || !strings.Contains(o.out, "mean [0.485 0.456 0.406] (config.json), std [0.229 0.224 0.225] (config.json)") {
		t.Errorf("inspect says\n%s%s", o.out, o.err)
	}
}
