package main

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// foreignCase is a case of scripts/make_adapter_vectors.py: PyTorch's files and results.
type foreignCase struct {
	Adapter, Backbone string
	Flags             []string
	Logits            [][]float64
}

func foreignCases(t *testing.T) (cases map[string]foreignCase, with func(foreignCase) []string, images []string) {
	t.Helper()
	dir := filepath.Join("testdata", "adapter")
	decode(t, read(t, dir, "expected.json"), &cases)
	images, err := filepath.Glob(filepath.Join("testdata", "predict", "*.png"))
	expect.NoError(t, err)
	with = func(c foreignCase) []string {
		return append([]string{"--backbone", filepath.Join(dir, c.Backbone), "--heads", "2", "--adapter", filepath.Join(dir, c.Adapter)}, c.Flags...)
	}
	return cases, with, images
}

// TestForeignAdapter: state dicts of the official implementation, in any floating-point type, with or without the backbone's
// tensors, give PyTorch's logits. A note lists the settings that they do not tell.
func TestForeignAdapter(t *testing.T) {
	cases, with, images := foreignCases(t)
	notes := map[string][]string{
		"dtl_f16":       {"taken as dtl of rank 2", "--beta 100, --feedback-from 2, --pool mean"},
		"dtl_bf16":      {"taken as dtl of rank 2", "--beta 100, --pool mean"},
		"dtl_f64":       {"taken as dtl"},
		"dtl_late":      {"low-rank maps from block 2 on"},
		"dtlplus_f16":   {"taken as dtl+ of rank 2", "--feedback-from 2"},
		"dtlplus_whole": {"11 trained tensors are used", "54 of its backbone are not"},
	}
	if len(cases) != len(notes) || len(images) != 3 {
		t.Fatalf("%d cases, %d images", len(cases), len(images))
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			args := append(append([]string{"predict", "--json"}, with(c)...), images...)
			want := make([]prediction, len(c.Logits))
			for i := range want {
				want[i].Logits = c.Logits[i]
			}
			o := cli(t, args...)
			o.want(t, exitDone, notes[name]...)
			var got []prediction
			for line := range strings.Lines(o.out) {
				got = append(got, prediction{})
				decode(t, []byte(line), &got[len(got)-1])
			}
			sameLogits(t, got, want, 2e-5)
			if name != "dtlplus_f16" {
				return
			}
			o = cli(t, append(args, "--beta", "100", "--pool", "mean", "--feedback-from", "2")...)
			if o.want(t, exitDone); strings.Contains(o.err, "taken as dtl") {
				t.Errorf("nothing was assumed, but it says %s", o.err)
			}
			model := filepath.Join(t.TempDir(), "model")
			o = cli(t, append([]string{"export", "--out", model}, with(c)...)...)
			o.want(t, exitDone, notes[name]...)
			sameLogits(t, predictions(t, append([]string{"predict", "--saved-model", model}, images...)...), want, 2e-5)
		})
	}
}

// TestForeignWhole: a whole state dict serves as a backbone too, and a different --backbone is detected.
func TestForeignWhole(t *testing.T) {
	cases, with, images := foreignCases(t)
	c := cases["dtlplus_whole"]
	o := cli(t, append(append([]string{"predict"}, with(c)...), images...)...)
	if o.want(t, exitDone); strings.Contains(o.err, "is not the one of") {
		t.Errorf("the backbone is the same, but it says %s", o.err)
	}
	file, err := weight.Open(filepath.Join("testdata", "adapter", c.Adapter))
	expect.NoError(t, err)
	whole := tensor.Map{}
	for name, value := range file.Tensors {
		whole[strings.TrimPrefix(name, "module.")] = value
	}
	path := filepath.Join(t.TempDir(), "whole.safetensors")
	expect.NoError(t, writeSafetensors(path, whole, nil))
	both := predictions(t, append([]string{"predict", "--backbone", path, "--heads", "2", "--adapter", path, "--feedback-from", "1"}, images...)...)
	for i, logits := range c.Logits {
		for k, v := range logits {
			if d := both[i].Logits[k] - v; d > 2e-5 || d < -2e-5 {
				t.Fatalf("logits %v, want %v", both[i].Logits, logits)
			}
		}
	}
	other := filepath.Join("testdata", "adapter", cases["dtlplus_f16"].Backbone)
	cli(t, append([]string{"predict", "--backbone", other, "--heads", "2", "--adapter", path}, images...)...).
		want(t, exitDone, "the backbone inside "+path+" is not the one of "+other)
}

// TestForeignTraining starts a fine-tune from a state dict of the official implementation, and evaluates it.
func TestForeignTraining(t *testing.T) {
	cases, with, _ := foreignCases(t)
	c := cases["dtl_late"]
	out := filepath.Join(t.TempDir(), "run")
	args := slices.Clone(with(c))
	args[slices.Index(args, "--adapter")] = "--init-adapter"
	cli(t, append([]string{"fine-tune", "--data", fixture.data, "--out", out, "--epochs", "2", "--batch", "8"}, args...)...).
		want(t, exitDone, "low-rank maps from block 2 on", "taken as dtl")
	trained, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	start, err := weight.Open(filepath.Join("testdata", "adapter", c.Adapter))
	expect.NoError(t, err)
	for name, value := range trained.Tensors {
		zero := !slices.ContainsFunc(value.Float32(), func(v float32) bool { return v != 0 })
		_, given := start.Tensors[name]
		if zero == given {
			t.Errorf("%s is zero: %v, is in the file: %v", name, zero, given)
		}
	}
	cli(t, append([]string{"eval", "--data", fixture.data}, with(c)...)...).want(t, exitDone, "taken as dtl")
}

// TestForeignRefused: errors name tensors that are missing, unknown or of another shape.
func TestForeignRefused(t *testing.T) {
	cases, with, images := foreignCases(t)
	c := cases["dtlplus_f16"]
	good, err := weight.Open(filepath.Join("testdata", "adapter", c.Adapter))
	expect.NoError(t, err)
	for _, r := range []struct {
		name   string
		change func(m tensor.Map)
		want   []string
	}{
		{"missing", func(m tensor.Map) { delete(m, "lora_dict.3.lora_B") }, []string{"lacks", "lora_dict.3.lora_B [12 2]"}},
		{"half of a map missing", func(m tensor.Map) { delete(m, "lora_dict.0.lora_B") }, []string{"lacks", "lora_dict.0.lora_B [12 2]"}},
		{"hole", func(m tensor.Map) { delete(m, "lora_dict.2.lora_A"); delete(m, "lora_dict.2.lora_B") }, []string{"lacks", "lora_dict.2.lora_A [2 12]"}},
		{"extra", func(m tensor.Map) { m["lora_scale"] = tensor.Zeros(1) }, []string{"lora_scale", "which the method does not have"}},
		{"deeper", func(m tensor.Map) { m["lora_dict.4.lora_A"] = tensor.Zeros(2, 12) }, []string{"lora_dict.4.lora_A", "which the method does not have"}},
		{"misshapen", func(m tensor.Map) { m["lora_dict.1.lora_A"] = tensor.Zeros(3, 12) }, []string{"lora_dict.1.lora_A", "[3 12]", "[2 12]"}},
		{"other width", func(m tensor.Map) { m["head.weight"] = tensor.Zeros(3, 13) }, []string{"head.weight", "[3 13]", "[3 12]"}},
		{"no head", func(m tensor.Map) { delete(m, "head.weight") }, []string{"no classifier", "head.weight"}},
		{"no square filter", func(m tensor.Map) { m["lora_fusion.weight"] = tensor.Zeros(12, 1, 3, 4) }, []string{"lora_fusion.weight", "[12 1 3 4]"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			m := maps.Clone(good.Tensors)
			r.change(m)
			path := filepath.Join(t.TempDir(), "adapter.safetensors")
			expect.NoError(t, writeSafetensors(path, m, nil))
			args := with(c)
			args[slices.Index(args, "--adapter")+1] = path
			cli(t, append(append([]string{"predict"}, args...), images...)...).want(t, exitFailed, append(r.want, path)...)
		})
	}
}

// TestAdapterInPyTorch loads adapters that this program wrote into a PyTorch module with the official names.
func TestAdapterInPyTorch(t *testing.T) {
	need.Heavy(t, "starts PyTorch")
	need.Python(t, "torch", "safetensors", "PIL")
	backbone := filepath.Join("..", "..", "dtl", "testdata", "backbone.safetensors")
	_, _, images := foreignCases(t)
	for _, flags := range [][]string{{"--method", "dtl", "--rank", "3", "--beta", "7"}, {"--method", "dtl+", "--kernel", "4", "--feedback-from", "1"}} {
		out := filepath.Join(t.TempDir(), "run")
		cli(t, append([]string{"fine-tune", "--backbone", backbone, "--heads", "2", "--data", fixture.data, "--out", out,
			"--epochs", "3", "--batch", "8", "--lr", "0.1", "--schedule", "constant"}, flags...)...).want(t, exitDone)
		adapter := filepath.Join(out, result.AdapterFile)
		o := cli(t, append([]string{"predict", "--json", "--backbone", backbone, "--heads", "2", "--adapter", adapter}, images...)...)
		o.want(t, exitDone)
		lines := write(t, filepath.Join(t.TempDir(), "predictions.jsonl"), []byte(o.out))
		python(t, []string{filepath.Join("..", "..", "scripts", "make_adapter_vectors.py"), "--check", backbone, adapter, lines}, 1, "logits within")
	}
}
