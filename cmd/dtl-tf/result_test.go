package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// metrics returns the rows of a run's metrics.csv, each as values by column without the empty cells.
func metrics(t *testing.T, out string) (rows []map[string]float64) {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(read(t, out, result.MetricsFile))).ReadAll()
	expect.NoError(t, err)
	for _, line := range lines[1:] {
		row := map[string]float64{}
		for i, cell := range line {
			if cell != "" {
				row[lines[0][i]], err = strconv.ParseFloat(cell, 64)
				expect.NoError(t, err)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// losses returns the loss column of metrics.csv in full precision.
func losses(t *testing.T, out string) (list []float64) {
	t.Helper()
	for _, row := range metrics(t, out) {
		list = append(list, row["loss"])
	}
	return list
}

// TestSameSeed: runs with the same seed give the same adapter, bit for bit, with everything random; another seed does not.
func TestSameSeed(t *testing.T) {
	flags := []string{"--method", "dtl+", "--drop-path", "0.3", "--augment", "flip-crop"}
	a, b := trained(t, flags...), trained(t, flags...)
	if !bytes.Equal(read(t, a, result.AdapterFile), read(t, b, result.AdapterFile)) {
		t.Error("two runs with the same seed have different adapters")
	}
	if x, y := losses(t, a), losses(t, b); !reflect.DeepEqual(x, y) || len(x) != 3 {
		t.Errorf("losses %v and %v", x, y)
	}
	other := trained(t, append(flags, "--seed", "43")...)
	if bytes.Equal(read(t, a, result.AdapterFile), read(t, other, result.AdapterFile)) {
		t.Error("another seed gives the same adapter")
	}
	if reflect.DeepEqual(losses(t, a), losses(t, other)) {
		t.Error("another seed gives the same losses")
	}
}

// TestRunJSON checks the record of a run against values known beforehand.
func TestRunJSON(t *testing.T) {
	out := dtlRun(t)
	r := readRun(t, out)
	if r.Status != result.Finished || r.Error != "" || r.Method != "dtl" || r.Ended.Before(r.Started) {
		t.Errorf("%s %s, error %q, %v to %v", r.Method, r.Status, r.Error, r.Started, r.Ended)
	}
	// Two blocks with A and B of rank 2 and width 16; a classifier of 3 classes. The backbone: patches 4 x 4 x 3, class
	// token and 5 positions, two blocks of 4 square matrices, an MLP of 32 and two norms, the last norm.
	block := 4*(16*16+16) + (16*32 + 32) + (32*16 + 16) + 2*32
	frozen := (48*16 + 16) + 16 + 5*16 + 2*block + 32
	if want := (result.Parameters{Trainable: 2 * 2 * 2 * 16, Classifier: 3*16 + 3, Frozen: frozen}); r.Parameters != want {
		t.Errorf("parameters %+v, want %+v", r.Parameters, want)
	}
	if d := r.Device; d.OneDNNBy == "" || d.Kind == "CPU" && !slices.Contains([]string{"avx512f", "avx2", "plain"}, d.Kernels) {
		t.Errorf("device %+v does not say what computes", d)
	}
	if r.Frozen == nil || len(r.Frozen.Before) != 64 || r.Frozen.Before != r.Frozen.After {
		t.Errorf("frozen weights before and after: %+v", r.Frozen)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(read(t, fixture.backbone))); r.Backbone.SHA256 != sum || r.Backbone.Path != fixture.backbone {
		t.Errorf("backbone %s %s, want %s", r.Backbone.Path, r.Backbone.SHA256, sum)
	}
	if r.Backbone.Architecture != tiny || r.Backbone.Parameters != frozen || r.Backbone.ImageSize != 8 ||
		!reflect.DeepEqual(r.Backbone.Mean, []float64{0.5, 0.5, 0.5}) || !reflect.DeepEqual(r.Backbone.Std, []float64{0.5, 0.5, 0.5}) {
		t.Errorf("backbone %+v", r.Backbone)
	}
	if d := r.Data; d.Name != "colours" || d.Classes != 3 || len(d.Fingerprint) != 64 || d.Skipped != 0 ||
		!reflect.DeepEqual(d.Counts, map[string]int{"trainval": 24, "test": 12}) {
		t.Errorf("data %+v", d)
	}
	if r.Progress != (result.Progress{Epochs: 3, Steps: 9}) || r.Measurements.TrainSeconds <= 0 || r.Measurements.PeakMemoryBytes < 1<<20 {
		t.Errorf("progress %+v, measurements %+v", r.Progress, r.Measurements)
	}
	if a := r.Accuracy; a == nil || a.Images != 12 || a.Split != "test" || a.Epoch != 3 || a.Note != result.OnceAfterLast || a.Top1 < 50 {
		t.Errorf("accuracy %+v, want one that is better than chance", a)
	}
	if v := r.Versions; !strings.HasPrefix(v.LibTensorFlow, "2.") || v.Graft == "" || v.Go == "" || v.Program != version {
		t.Errorf("versions %+v", v)
	}
	var config map[string]any
	expect.NoError(t, json.Unmarshal(r.Config, &config))
	for key, want := range map[string]any{
		"method": "dtl", "pool": "mean", "epochs": 3.0, "batch": 8.0, "lr": 0.02, "weight_decay": 0.05, "drop_path": 0.0,
		"schedule": "cosine", "shuffle": true, "augment": "none", "seed": 42.0, "init": "pretrained", "heads": 2.0, "image_size": 8.0,
		"recompute": "activations", "skip_bad_images": false, "checkpoint_every": 10.0, "data": fixture.data, "out": out,
		"method_options": map[string]any{"rank": "2", "beta": "100", "side-from": "0", "feedback-from": "1"},
	} {
		if !reflect.DeepEqual(config[key], want) {
			t.Errorf("config %s is %v, want %v", key, config[key], want)
		}
	}
}

// TestPrinted: the table goes to stdout, progress to stderr, and --quiet prints only the table.
func TestPrinted(t *testing.T) {
	dtlRun(t)
	o := fixture.run
	for _, text := range []string{"method", "dtl", "colours", "tiny", "128", "51"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("the table lacks %q:\n%s", text, o.out)
		}
	}
	if strings.Contains(o.out, "epoch 1/3") {
		t.Errorf("progress on stdout:\n%s", o.out)
	}
	o.want(t, exitDone, "epoch 1/3", "epoch 3/3", "evaluating 12/12")
	quiet := cli(t, tune(filepath.Join(t.TempDir(), "run"), "--quiet")...)
	if quiet.err != "" || !strings.Contains(quiet.out, "colours") {
		t.Errorf("--quiet prints\n%sand to stderr\n%s", quiet.out, quiet.err)
	}
}
