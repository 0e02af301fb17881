package finetune

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/export"
	"dtl-tf/runner/infer"
	"dtl-tf/runner/result"
)

// sameTable compares two CSV files, numbers to 1e-5: a product with another number of rows may add in another order.
func sameTable(t *testing.T, path, wanted string) {
	t.Helper()
	got, want := readTable(t, path), readTable(t, wanted)
	same := slices.EqualFunc(got, want, func(a, b []string) bool {
		return slices.EqualFunc(a, b, func(a, b string) bool {
			x, errX := strconv.ParseFloat(a, 64)
			y, errY := strconv.ParseFloat(b, 64)
			return a == b || errX == nil && errY == nil && math.Abs(x-y) <= 1e-5
		})
	})
	if !same {
		t.Errorf("%s: %v, want %v", path, got, want)
	}
}

func readTable(t *testing.T, path string) [][]string {
	t.Helper()
	content, err := os.ReadFile(path)
	expect.NoError(t, err)
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	expect.NoError(t, err)
	return rows
}

// TestSeveralUsed: eval of an adapter of any number of classes writes what its run wrote, alone and in a pass with another; exports say
// so and give sigmoids; merge refuses it.
func TestSeveralUsed(t *testing.T) {
	c := severalRun(t)
	whole, _ := trainedBy(t, c, "whole")
	dir := filepath.Dir(c.Data)
	run := filepath.Join(dir, "whole")
	ui := runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"}
	adapted := runner.AdaptedConfig{Adapter: filepath.Join(run, result.AdapterFile)}
	adapted.Backbone.Path = c.Path
	same := func(folder string) {
		t.Helper()
		for _, name := range []string{result.PredictionsFile, result.PerClassFile} {
			sameTable(t, filepath.Join(folder, name), filepath.Join(run, name))
		}
		e, err := assess.Read(folder)
		expect.NoError(t, err)
		if e.Several.MAP != whole.Several.MAP || e.Several.ExactMatch != whole.Several.ExactMatch {
			t.Errorf("%+v, the run's %+v", e.Several, whole.Several)
		}
		if _, err := os.Stat(filepath.Join(folder, result.ReportFile)); err != nil {
			t.Error(err)
		}
	}
	evaluation := infer.EvalConfig{AdaptedConfig: adapted, Data: c.Data, Split: "test", Out: filepath.Join(dir, "eval"), Batch: 5}
	score, err := infer.Eval(t.Context(), evaluation, ui)
	expect.NoError(t, err)
	same(evaluation.Out)
	raw, err := json.Marshal(score)
	if err != nil || !strings.HasPrefix(string(raw), `{"images":8,"map":`) || !strings.HasPrefix(score.String(), "mAP ") {
		t.Errorf("%s, %s, %v", raw, score, err)
	}
	evaluation.Data = dir
	_, err = infer.Eval(t.Context(), evaluation, ui)
	expect.Error(t, err, "--overwrite")
	evaluation.Out = ""
	_, err = infer.Eval(t.Context(), evaluation, ui)
	expect.Error(t, err, "the adapter was trained with --loss bce, so give a table of images with labels")

	one := smallRun(t)
	one.Path, one.Exif = c.Path, "on" // as for a table
	trainedBy(t, one, "one")
	colours := filepath.Join(filepath.Dir(one.Data), "one")
	pass := infer.EvalConfig{Split: "test", Out: filepath.Join(dir, "pass"), Batch: 5, Adapters: []string{"tags=" + adapted.Adapter, "hues=" + colours}, DataSets: []string{c.Data, one.Data}}
	pass.Backbone.Path = c.Path
	scores, err := infer.EvalTasks(t.Context(), pass, ui)
	expect.NoError(t, err)
	if len(scores) != 2 || scores[0].Several == nil || scores[1].Several != nil || scores[1].Images == 0 {
		t.Errorf("%+v", scores)
	}
	same(filepath.Join(pass.Out, "tags"))
	pass.Overwrite = true // there is no comparison.html by which the folder is known
	_, err = infer.EvalTasks(t.Context(), pass, ui)
	expect.NoError(t, err)
	if raw, err := json.Marshal(scores[0]); err != nil || !strings.HasPrefix(string(raw), `{"adapter":"tags","data":`) || !strings.Contains(string(raw), `"exact_match":`) {
		t.Errorf("%s, %v", raw, err)
	}

	model := filepath.Join(dir, "model")
	expect.NoError(t, export.Classifier(t.Context(), export.ClassifierConfig{AdaptedConfig: adapted, Out: model}, ui))
	both := filepath.Join(dir, "both")
	expect.NoError(t, export.Tasks(t.Context(), export.TasksConfig{AdaptedConfig: runner.AdaptedConfig{Backbone: pass.Backbone}, Adapters: pass.Adapters, Out: both}, ui))
	predict := infer.PredictConfig{AdaptedConfig: adapted, Images: []string{filepath.Join(dir, "s19.png")}, TopK: 1, Batch: 4}
	var want infer.Prediction
	expect.NoError(t, infer.Predict(t.Context(), predict, ui, func(p infer.Prediction) error { want = p; return nil }))
	if len(*want.Labels) != 2 {
		t.Fatalf("labels of an image of both classes: %v", want)
	}
	predict.AdaptedConfig, predict.SavedModel = runner.AdaptedConfig{}, model
	expect.NoError(t, infer.Predict(t.Context(), predict, ui, func(p infer.Prediction) error {
		if p.String() != want.String() {
			t.Errorf("the SavedModel says %s, predict %s", p, want)
		}
		return nil
	}))
	predict.SavedModel = both
	expect.NoError(t, infer.PredictTasks(t.Context(), predict, ui, func([]string) error { return nil }, func(p []infer.Prediction) error {
		if p[0].Labels == nil || p[1].Labels != nil || len(*p[0].Labels) != 2 {
			t.Errorf("%v", p)
		}
		return nil
	}))
	predict.TopK = 2
	err = infer.PredictTasks(t.Context(), predict, ui, func([]string) error { return nil }, nil)
	expect.Error(t, err, "--top-k 2 is not possible: the adapter of the task tags was trained with --loss bce")
	images := tensor.Must(bytes.Repeat([]byte{10, 200, 90}, 64), 1, 8, 8, 3)
	for folder, outputs := range map[string][]string{model: {"logits", "probabilities"}, both: {"tags_logits", "tags_probabilities"}} {
		loaded, err := savedmodel.Load(folder, graph.SessionOptions{})
		expect.NoError(t, err)
		got, err := loaded.RunAll(savedmodel.Signature, export.ImagesInput, images, outputs...)
		expect.NoError(t, err)
		loaded.Close()
		for i, p := range assess.Sigmoid(got[0].Float32()) {
			if math.Abs(p-float64(got[1].Float32()[i])) > 1e-6 {
				t.Errorf("%s: probability %v of class %d, want %v", folder, got[1].Float32()[i], i, p)
			}
		}
	}
	onnx := export.ONNXConfig{AdaptedConfig: adapted, Adapters: []string{adapted.Adapter}, Out: filepath.Join(dir, "model.onnx"), Input: "uint8"}
	expect.NoError(t, export.ONNX(t.Context(), onnx, ui))
	if raw, err := os.ReadFile(onnx.Out); err != nil || !bytes.Contains(raw, []byte("Sigmoid")) {
		t.Errorf("the ONNX model has no sigmoid: %v", err)
	}
	_, err = export.Merge(context.Background(), export.MergeConfig{AdaptedConfig: adapted, Out: filepath.Join(dir, "merged.npz")}, ui)
	expect.Error(t, err, "the method linear can't be merged into a backbone")
}
