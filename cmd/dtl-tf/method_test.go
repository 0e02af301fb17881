package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// TestFull: full fine-tuning, also from random weights, writes a backbone that gives the same accuracy and logits with the adapter
// and the same logits with its own head. Every weight has changed.
func TestFull(t *testing.T) {
	for _, flags := range [][]string{
		{"--method", "full", "--lr", "0.003"},
		{"--method", "full", "--lr", "0.003", "--init", "random", "--backbone", tiny, "--pool", "mean", "--mean", "0.4"},
	} {
		out := trained(t, flags...)
		r := readRun(t, out)
		if r.Frozen != nil || r.Parameters.Frozen != 0 || r.Parameters.Trainable != readRun(t, dtlRun(t)).Parameters.Frozen {
			t.Errorf("frozen %v, parameters %+v", r.Frozen, r.Parameters)
		}
		backbone, adapter := filepath.Join(out, "backbone.npz"), filepath.Join(out, result.AdapterFile)
		if got := top1(t, "eval", "--backbone", backbone, "--adapter", adapter, "--data", fixture.data); got != r.Accuracy.Top1 {
			t.Errorf("eval with the adapter says %v, run.json %v", got, r.Accuracy.Top1)
		}
		images := testImages(t)
		with := predictions(t, append([]string{"predict", "--backbone", backbone, "--adapter", adapter}, images...)...)
		without := predictions(t, append([]string{"predict", "--backbone", backbone}, images...)...)
		sameLogits(t, without, with, 1e-5)
		if got := accuracy(t, without); got != r.Accuracy.Top1 {
			t.Errorf("the predictions' accuracy is %v, run.json says %v", got, r.Accuracy.Top1)
		}
		f, err := weight.Open(backbone)
		expect.NoError(t, err)
		for name, before := range fixture.weights {
			if after, ok := f.Tensors[name]; !ok || reflect.DeepEqual(after, before) {
				t.Errorf("%s: in the file %v, and it has not moved", name, ok)
			}
		}
		// The adapter consists of the classifier only, and belongs to the new backbone.
		cli(t, evalArgs(adapter)...).want(t, exitFailed, adapter, "another backbone", "the run has trained its own: give --backbone "+backbone)
	}
}

// TestSavedModelBackbone: a backbone exported to a SavedModel accepts the same adapter and gives the same logits.
func TestSavedModelBackbone(t *testing.T) {
	model, adapter := filepath.Join(t.TempDir(), "model"), filepath.Join(dtlRun(t), result.AdapterFile)
	o := cli(t, "backbone", "export", fixture.backbone, "--out", model)
	if o.want(t, exitDone); !strings.Contains(o.out, model) {
		t.Errorf("export prints %q", o.out)
	}
	images := testImages(t)
	sameLogits(t,
		predictions(t, append([]string{"predict", "--backbone", model, "--adapter", adapter}, images...)...),
		predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", adapter}, images...)...), 0)

	cli(t, "backbone", "export", fixture.backbone, "--out", model).want(t, exitFailed, model, "exists")
	cli(t, "backbone", "export", fixture.backbone, "--out", model, "--overwrite").want(t, exitDone)
	other := t.TempDir()
	keep := write(t, filepath.Join(other, "thesis.tex"), nil)
	cli(t, "backbone", "export", fixture.backbone, "--out", other, "--overwrite").want(t, exitFailed, other, "not a SavedModel")
	if _, err := os.Stat(keep); err != nil {
		t.Error("--overwrite removed a file that is no SavedModel")
	}
}

// TestInspect checks the description of the fixture's backbone as text and as JSON.
func TestInspect(t *testing.T) {
	o := cli(t, "backbone", "inspect", fixture.backbone)
	o.want(t, exitDone)
	sum := readRun(t, dtlRun(t)).Backbone.SHA256
	for _, text := range []string{fixture.backbone, sum, "2 blocks", "width 16", "2 heads", "8 x 8", "5 tokens", "5360 without"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("inspect lacks %q:\n%s", text, o.out)
		}
	}
	o = cli(t, "backbone", "inspect", "--json", "--image-size", "16", fixture.backbone)
	o.want(t, exitDone)
	for _, text := range []string{`"sha256":"` + sum + `"`, `"image_size":16`, `"tokens":17`, `"depth":2`, `"format":"npz"`} {
		if !strings.Contains(o.out, text) {
			t.Errorf("inspect --json lacks %s:\n%s", text, o.out)
		}
	}
}

// TestPoolRecorded: the pooling is the method's default or the flag's, and is recorded in run.json and in the adapter.
func TestPoolRecorded(t *testing.T) {
	for _, c := range []struct{ method, flag, want string }{{"dtl", "cls", "cls"}, {"dtl+", "", "mean"}, {"linear", "", "cls"}} {
		flags := []string{"--method", c.method, "--epochs", "1"}
		if c.flag != "" {
			flags = append(flags, "--pool", c.flag)
		}
		out := trained(t, flags...)
		var config struct{ Pool string }
		run := readRun(t, out)
		decode(t, run.Config, &config)
		a, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
		expect.NoError(t, err)
		if pool := a.Meta[result.KeyPool]; pool != c.want || config.Pool != c.want {
			t.Errorf("%s --pool %q: the adapter says %q, run.json %q, want %s", c.method, c.flag, pool, config.Pool, c.want)
		}
	}
}

// TestHoldout: without a test split, a part of the training images can be held out for evaluation.
func TestHoldout(t *testing.T) {
	root := newData(t, map[string]int{"train": 24})
	out := trained(t, "--data", root, "--holdout", "0.25", "--method", "linear")
	r := readRun(t, out)
	if a := r.Accuracy; a == nil || a.Images != 6 || !strings.Contains(a.Split, "holdout of 0.25") {
		t.Errorf("accuracy %+v, want 6 images of the training split", a)
	}
	if r.Data.Counts["trainval"] != 18 || r.Progress.Steps != 3*2 {
		t.Errorf("counts %v, %+v", r.Data.Counts, r.Progress)
	}
	o := cli(t, tune(filepath.Join(t.TempDir(), "run"), "--data", root, "--method", "linear")...)
	o.want(t, exitDone, "no test split", "--holdout")
	cli(t, tune(out, "--overwrite", "--holdout", "0.25")...).want(t, exitUsage, "--holdout", fixture.data)
	cli(t, tune(filepath.Join(t.TempDir(), "run"), "--data", root, "--holdout", "0.01")...).want(t, exitUsage, "--holdout", "0.01")
}

// TestInitAdapter: training starts from the file's values and settings.
func TestInitAdapter(t *testing.T) {
	from := trained(t, "--rank", "3", "--beta", "7", "--pool", "cls")
	adapter := filepath.Join(from, result.AdapterFile)
	out := trained(t, "--init-adapter", filepath.Dir(adapter), "--epochs", "1", "--lr", "1e-9", "--weight-decay", "0", "--seed", "5")
	a, err := result.ReadAdapter(adapter)
	expect.NoError(t, err)
	b, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	for name, before := range a.Tensors {
		for i, v := range b.Tensors[name].Float32() {
			if d := v - before.Float32()[i]; d > 1e-6 || d < -1e-6 {
				t.Fatalf("%s[%d] is %v, started from %v", name, i, v, before.Float32()[i])
			}
		}
	}
	for _, key := range []string{"rank", "beta", "pool", "feedback_from"} {
		x := a.Meta[key]
		if y := b.Meta[key]; x != y || x == "" {
			t.Errorf("%s was %q and is %q", key, x, y)
		}
	}
	if x, y := readRun(t, from).Accuracy.Top1, readRun(t, out).Accuracy.Top1; x != y {
		t.Errorf("accuracy %v, started from %v", y, x)
	}
}
