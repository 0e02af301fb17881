package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// prediction is a line of predict --json.
type prediction struct {
	Image       string    `json:"image"`
	Label       int       `json:"label"`
	Class       string    `json:"class"`
	Probability float64   `json:"probability"`
	Logits      []float64 `json:"logits"`
}

// predictions runs predict --json and parses its lines.
func predictions(t *testing.T, args ...string) []prediction {
	t.Helper()
	o := cli(t, append(args, "--json")...)
	o.want(t, exitDone)
	var list []prediction
	for line := range strings.Lines(o.out) {
		var p prediction
		expect.NoError(t, json.Unmarshal([]byte(line), &p))
		list = append(list, p)
	}
	return list
}

// top1 returns the accuracy that eval --json prints. The JSON must have exactly two keys.
func top1(t *testing.T, args ...string) float64 {
	t.Helper()
	o := cli(t, append(args, "--json")...)
	o.want(t, exitDone)
	var score map[string]float64
	expect.NoError(t, json.Unmarshal([]byte(o.out), &score))
	if _, ok := score["top1"]; !ok || len(score) != 2 || score["images"] == 0 {
		t.Fatalf("eval prints %s", o.out)
	}
	return score["top1"]
}

// accuracy is the percentage of correct predictions for images of the fixture, whose number determines the class.
func accuracy(t *testing.T, list []prediction) float64 {
	t.Helper()
	right := 0
	for _, p := range list {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(p.Image), "test_%d.png", &n); err != nil {
			t.Fatal(p.Image, err)
		}
		if p.Label == n%3 {
			right++
		}
	}
	return 100 * float64(right) / float64(len(list))
}

// testImages are the images of the fixture's test split.
func testImages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(fixture.data, "images", "test_*.png"))
	expect.NoError(t, err)
	return names
}

func sameLogits(t *testing.T, got, want []prediction, tolerance float64) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%d predictions, want %d", len(got), len(want))
	}
	for i := range got {
		for c, v := range got[i].Logits {
			if d := math.Abs(v - want[i].Logits[c]); !(d <= tolerance) {
				t.Fatalf("%s: logits %v, want %v", got[i].Image, got[i].Logits, want[i].Logits)
			}
		}
	}
}

// TestEvalAndPredictAgree: eval and predict agree with each other and with run.json.
func TestEvalAndPredictAgree(t *testing.T) {
	run := dtlRun(t)
	adapter := filepath.Join(run, result.AdapterFile)
	want := readRun(t, run).Accuracy.Top1
	if got := top1(t, evalArgs(adapter)...); got != want {
		t.Errorf("eval says %v, run.json %v", got, want)
	}
	if got := top1(t, evalArgs(adapter, "--batch", "5", "--split", "test")...); got != want {
		t.Errorf("eval in batches of 5 says %v, run.json %v", got, want)
	}
	o := cli(t, evalArgs(adapter, "--split", "trainval")...)
	if o.want(t, exitDone); !strings.HasPrefix(o.out, "top-1 ") || !strings.Contains(o.out, "of 24 images (trainval)") {
		t.Errorf("eval prints %q", o.out)
	}

	images := testImages(t)
	list := predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", adapter}, images...)...)
	if got := accuracy(t, list); got != want {
		t.Errorf("the predictions' accuracy is %v, run.json says %v", got, want)
	}
	for i, p := range list {
		sum, best := 0.0, 0
		for c, v := range p.Logits {
			if sum += math.Exp(v); v > p.Logits[best] {
				best = c
			}
		}
		if p.Image != images[i] || p.Label != best || len(p.Logits) != 3 || p.Class != "" {
			t.Errorf("prediction %d is %+v", i, p)
		}
		if probability := math.Exp(p.Logits[best]) / sum; math.Abs(p.Probability-probability) > 1e-6 {
			t.Errorf("%s: probability %v, want %v", p.Image, p.Probability, probability)
		}
	}
	sameLogits(t, predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", adapter, "--batch", "1"}, images...)...), list, 1e-5)
	plain := cli(t, append(predictArgs(adapter), images[0])...)
	lines := strings.Split(strings.TrimSpace(plain.out), "\n")
	if want := fmt.Sprintf("%s\t%d\t%.4f", images[0], list[0].Label, list[0].Probability); len(lines) != 37 || lines[36] != want {
		t.Errorf("predict prints %d lines, the last one %q, want %q", len(lines), lines[len(lines)-1], want)
	}
}

// TestPredictReference: timm-named weights with adapters of the official implementation, without metadata, give the logits that an
// independent PyTorch implementation computed for the same PNGs (scripts/make_predict_vectors.py).
func TestPredictReference(t *testing.T) {
	var want map[string]struct {
		Flags  []string    `json:"flags"`
		Logits [][]float64 `json:"logits"`
	}
	expect.NoError(t, json.Unmarshal(read(t, "testdata", "predict", "expected.json"), &want))
	images, err := filepath.Glob(filepath.Join("testdata", "predict", "*.png"))
	expect.NoError(t, err)
	weights := filepath.Join("..", "..", "dtl", "testdata")
	for name, c := range want {
		args := append([]string{"predict", "--backbone", filepath.Join(weights, "backbone.safetensors"), "--heads", "2",
			"--adapter", filepath.Join(weights, name, "adapter_after.safetensors")}, c.Flags...)
		list := predictions(t, append(args, images...)...)
		expected := make([]prediction, len(c.Logits))
		for i := range c.Logits {
			expected[i].Logits = c.Logits[i]
		}
		t.Run(name, func(t *testing.T) { sameLogits(t, list, expected, 2e-5) })
	}
	if len(want) != 3 || len(images) != 3 {
		t.Errorf("%d cases, %d images, want 3 of each", len(want), len(images))
	}
}

// TestOfficialAdapter: without metadata, method, rank and kernel come from the tensors, other settings from flags.
func TestOfficialAdapter(t *testing.T) {
	for _, c := range []struct {
		train, use []string
	}{
		{[]string{"--rank", "3", "--beta", "5", "--feedback-from", "0"}, []string{"--beta", "5", "--feedback-from", "0"}},
		{[]string{"--method", "dtl+", "--kernel", "2", "--pool", "cls"}, []string{"--pool", "cls"}},
		{[]string{"--method", "linear"}, []string{"--method", "linear"}},
	} {
		t.Run(strings.Join(c.train, " "), func(t *testing.T) {
			out := trained(t, c.train...)
			a, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
			expect.NoError(t, err)
			path := filepath.Join(t.TempDir(), "official.safetensors")
			expect.NoError(t, writeSafetensors(path, a.Tensors, nil))
			args := append([]string{"predict", "--backbone", fixture.backbone, "--adapter"}, a.Path)
			want := predictions(t, append(args, testImages(t)...)...)
			args[4] = path
			got := predictions(t, append(append(args, c.use...), testImages(t)...)...)
			sameLogits(t, got, want, 0)
		})
	}
}

// TestClassFolders: class folders are labelled in alphabetical order, and predictions include their names.
func TestClassFolders(t *testing.T) {
	root := t.TempDir()
	for i := range 18 {
		split := []string{"train", "test"}[i/12]
		class := []string{"amber", "basil", "cobalt"}[i%3]
		expect.NoError(t, os.MkdirAll(filepath.Join(root, split, class), 0o777))
		expect.NoError(t, writeImage(filepath.Join(root, split, class, fmt.Sprintf("%d.png", i)), i%3, uint64(i)))
	}
	out := trained(t, "--data", root, "--batch", "6")
	r := readRun(t, out)
	if r.Data.Classes != 3 || r.Data.Counts["trainval"] != 12 || r.Data.Counts["test"] != 6 {
		t.Errorf("data %+v", r.Data)
	}
	adapter := filepath.Join(out, result.AdapterFile)
	right := 0
	list := predictions(t, "predict", "--backbone", fixture.backbone, "--adapter", adapter, filepath.Join(root, "test"))
	for _, p := range list {
		if p.Class != []string{"amber", "basil", "cobalt"}[p.Label] {
			t.Errorf("%s: label %d is called %q", p.Image, p.Label, p.Class)
		}
		if p.Class == filepath.Base(filepath.Dir(p.Image)) {
			right++
		}
	}
	if got := 100 * float64(right) / 6; len(list) != 6 || math.Abs(got-r.Accuracy.Top1) > 1e-9 {
		t.Errorf("%d predictions with accuracy %v, run.json says %v", len(list), got, r.Accuracy.Top1)
	}
	expect.NoError(t, os.Mkdir(filepath.Join(root, "test", "dill"), 0o777))
	expect.NoError(t, writeImage(filepath.Join(root, "test", "dill", "0.png"), 0, 0))
	cli(t, evalOn(root, adapter)...).want(t, exitFailed, "dill", "no counterpart")
}

// TestImageNotes: fine-tune, eval and predict count 16-bit greys and rotated images once each, and run.json has the counts.
func TestImageNotes(t *testing.T) {
	root := t.TempDir()
	for i := range 16 {
		folder := filepath.Join(root, []string{"train", "test"}[i/8], []string{"amber", "basil", "cobalt"}[i%3])
		expect.NoError(t, os.MkdirAll(folder, 0o777))
		expect.NoError(t, writeImage(filepath.Join(folder, fmt.Sprintf("%d.png", i)), i%3, uint64(i)))
	}
	images := filepath.Join("..", "..", "runner", "data", "testdata")
	write(t, filepath.Join(root, "train", "amber", "deep.png"), read(t, images, "grey16.png"))
	write(t, filepath.Join(root, "train", "basil", "turned.jpg"), read(t, images, "exif_rotated.jpg"))
	write(t, filepath.Join(root, "test", "basil", "turned.png"), read(t, images, "exif.png"))
	out := filepath.Join(t.TempDir(), "run")
	for _, flags := range [][]string{{"--feature-cache", "off"}, {"--feature-cache", t.TempDir(), "--overwrite"}} {
		o := cli(t, tune(out, append(flags, "--data", root, "--batch", "5", "--method", "linear", "--epochs", "2")...)...)
		o.want(t, exitDone, "16-bit grey images: 1 (train/amber/deep.png): ", "other than upright: 2 (train/basil/turned.jpg, test/basil/turned.png): ")
		if n := strings.Count(o.err, "turned.jpg"); n != 1 {
			t.Errorf("an image is named %d times:\n%s", n, o.err)
		}
		if r := readRun(t, out); r.Data.Grey16 != 1 || r.Data.Turned != 2 {
			t.Errorf("run.json: %+v", r.Data)
		}
	}
	adapter := filepath.Join(out, result.AdapterFile)
	cli(t, evalOn(root, adapter)...).want(t, exitDone, "other than upright: 1 (test/basil/turned.png): ")
	cli(t, "predict", "--backbone", fixture.backbone, "--adapter", adapter, filepath.Join(root, "train", "amber")).want(t, exitDone, "16-bit grey images: 1 (")
}
