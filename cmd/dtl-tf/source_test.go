package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// timmBackbone copies a timm-named file into a new folder, with or without the config.json that timm would write.
func timmBackbone(t *testing.T, config string) string {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), "vit.safetensors"), read(t, "..", "..", "dtl", "testdata", "backbone.safetensors"))
	if config != "" {
		write(t, filepath.Join(filepath.Dir(path), "config.json"), []byte(config))
	}
	return path
}

const timmConfig = `{"architecture": "vit_tiny_patch4_16", "model_args": {"embed_dim": 12, "depth": 4, "num_heads": 3},
	"pretrained_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "input_size": [3, 16, 16]}}`

// TestGuessIsSaid: each command that uses a backbone lists in one line the values that it guessed.
func TestGuessIsSaid(t *testing.T) {
	path, dir := timmBackbone(t, ""), t.TempDir()
	run := filepath.Join(dir, "run")
	const guess = "guessed, because nothing tells: pre-norm blocks with GELU, layer_norm_eps 1e-06, mean [0.5 0.5 0.5], std [0.5 0.5 0.5]"
	with := func(args ...string) []string { return append(args, "--backbone", path, "--heads", "2") }
	cli(t, with("fine-tune", "--method", "bitfit", "--data", fixture.data, "--out", run, "--epochs", "1", "--batch", "8")...).want(t, exitDone, guess)
	cli(t, "backbone", "inspect", "--heads", "2", path).want(t, exitDone, guess)
	cli(t, "backbone", "export", "--heads", "2", path, "--out", filepath.Join(dir, "model")).want(t, exitDone, guess)
	adapter := filepath.Join(run, result.AdapterFile)
	// The adapter records the normalisation of its training, and its backbone's fingerprint covers the heads.
	for _, args := range [][]string{
		{"eval", "--data", fixture.data}, {"predict", fixture.data}, {"export", "--out", filepath.Join(dir, "served")}, {"merge", "--out", filepath.Join(dir, "merged.npz")},
	} {
		o := cli(t, append(args, "--backbone", path, "--adapter", adapter)...)
		if o.want(t, exitDone, "guessed, because nothing tells: pre-norm blocks with GELU (flags"); strings.Contains(o.err, "mean") {
			t.Errorf("%s: the adapter fixes the normalisation, but it says %s", args[0], o.err)
		}
	}
}

// TestNeighbourIsUsed: values of config.json are used and recorded; flags have precedence.
func TestNeighbourIsUsed(t *testing.T) {
	path, run := timmBackbone(t, timmConfig), filepath.Join(t.TempDir(), "run")
	mean, std := []float64{0.485, 0.456, 0.406}, []float64{0.229, 0.224, 0.225}
	shown := cli(t, "backbone", "inspect", path).out
	for _, text := range []string{"3 (config.json)", "mean [0.485 0.456 0.406] (config.json)", "std [0.229 0.224 0.225] (config.json)", "1e-06 (config.json)"} {
		if !strings.Contains(shown, text) {
			t.Errorf("inspect does not say %q:\n%s", text, shown)
		}
	}
	o := cli(t, "fine-tune", "--backbone", path, "--data", fixture.data, "--out", run, "--epochs", "1", "--batch", "8")
	if o.want(t, exitDone, "from config.json: pre-norm blocks with GELU, 3 heads"); strings.Contains(o.err, "guessed") {
		t.Errorf("nothing is guessed, but it says %s", o.err)
	}
	var r result.Run
	decode(t, read(t, run, result.RunFile), &r)
	want := map[string]string{"blocks": "config.json", "heads": "config.json", "image_size": "file", "layer_norm_eps": "config.json", "mean": "config.json", "std": "config.json"}
	if b := r.Backbone; !reflect.DeepEqual(b.Sources, want) || b.Heads != 3 || b.Eps != 1e-6 || !reflect.DeepEqual(b.Mean, mean) || !reflect.DeepEqual(b.Std, std) {
		t.Errorf("run.json says %+v, want sources %v", b, want)
	}
	adapter, err := result.ReadAdapter(filepath.Join(run, result.AdapterFile))
	expect.NoError(t, err)
	if adapter.Meta["heads"] != "3" || adapter.Meta["layer_norm_eps"] != "1e-06" {
		t.Errorf("the adapter says %v", adapter.Meta)
	}
	cli(t, "eval", "--backbone", path, "--heads", "2", "--adapter", adapter.Path, "--data", fixture.data).want(t, exitUsage, "--heads 2 contradicts", "which has 3")
	cli(t, "backbone", "inspect", "--heads", "2", path).want(t, exitDone, "2 heads as asked for, in place of the 3 of config.json")

	// An old adapter, without heads and epsilon, whose run guessed other values.
	old := filepath.Join(t.TempDir(), "old.safetensors")
	meta := maps.Clone(map[string]string(adapter.Meta))
	delete(meta, "heads")
	delete(meta, "layer_norm_eps")
	expect.NoError(t, writeSafetensors(old, adapter.Tensors, meta))
	cli(t, "eval", "--backbone", path, "--adapter", old, "--data", fixture.data).want(t, exitDone)
	bare := timmBackbone(t, strings.Replace(timmConfig, `"num_heads": 3`, `"num_heads": 6`, 1))
	cli(t, "eval", "--backbone", bare, "--adapter", old, "--data", fixture.data).want(t, exitFailed, "another backbone", "with 6 heads (config.json)", "--heads")
	cli(t, "eval", "--backbone", bare, "--heads", "3", "--adapter", old, "--data", fixture.data).want(t, exitDone)
}

// TestEpsilonIsKept: an unusual epsilon affects the logits, and exported and merged models use it too.
func TestEpsilonIsKept(t *testing.T) {
	const config = `{"model_type": "vit", "hidden_size": 12, "num_attention_heads": 2, "layer_norm_eps": 0.01}`
	path, dir := timmBackbone(t, config), t.TempDir()
	run := filepath.Join(dir, "run")
	cli(t, "fine-tune", "--method", "bitfit", "--backbone", path, "--data", fixture.data, "--out", run, "--epochs", "1", "--batch", "8").want(t, exitDone, "layer_norm_eps 0.01")
	adapter := filepath.Join(run, result.AdapterFile)
	want := predictions(t, "predict", "--backbone", path, "--adapter", adapter, fixture.data)
	merged, model := filepath.Join(dir, "merged.npz"), filepath.Join(dir, "model")
	cli(t, "merge", "--backbone", path, "--adapter", adapter, "--out", merged).want(t, exitDone)
	cli(t, "backbone", "export", path, "--out", model).want(t, exitDone)
	sameLogits(t, predictions(t, "predict", "--backbone", merged, fixture.data), want, 1e-5)
	sameLogits(t, predictions(t, "predict", "--backbone", model, "--adapter", adapter, fixture.data), want, 1e-6)

	// Without the epsilon the same weights give other logits, so the test above can detect its loss.
	var sidecar map[string]json.RawMessage
	decode(t, read(t, dir, "merged.json"), &sidecar)
	delete(sidecar, "layer_norm_eps")
	text, err := json.Marshal(sidecar)
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(filepath.Join(dir, "merged.json"), text, 0o666))
	other := predictions(t, "predict", "--backbone", merged, fixture.data)
	if d := other[0].Logits[0] - want[0].Logits[0]; d < 1e-4 && d > -1e-4 {
		t.Errorf("the epsilon changes the logits by %v only", d)
	}
}

// TestOwnAdapterBeside: the official implementation's own tensors may be in the backbone's file if an adapter is given; without an
// adapter they are an error.
func TestOwnAdapterBeside(t *testing.T) {
	cases, _, images := foreignCases(t)
	file, err := weight.Open(filepath.Join("testdata", "adapter", cases["dtlplus_whole"].Adapter))
	expect.NoError(t, err)
	for name, value := range maps.Clone(file.Tensors) {
		delete(file.Tensors, name)
		file.Tensors[strings.TrimPrefix(name, "module.")] = value
	}
	path := filepath.Join(t.TempDir(), "whole.safetensors")
	expect.NoError(t, writeSafetensors(path, file.Tensors, nil))
	cli(t, append([]string{"predict", "--backbone", path, "--heads", "2"}, images...)...).want(t, exitFailed, "no place", "lora_dict.0.lora_A")
}
