package finetune

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// TestLooksLast: looks with --select last find what looks with --select best find, and change nothing else: the adapter and the
// fingerprint are those of a run without validation images.
func TestLooksLast(t *testing.T) {
	c := selecting(t)
	c.Epochs, c.SelectEvery = 4, 3
	chosen, _ := trainedBy(t, c, "best")
	c.Select = SelectLast
	r, adapter := trainedBy(t, c, "last")
	rows := metricsOf(t, filepath.Join(filepath.Dir(c.Data), "last"))
	if rows != metricsOf(t, filepath.Join(filepath.Dir(c.Data), "best")) || !strings.Contains(rows, "val_top1,val_loss") || strings.Count(rows, ",,") != 2 {
		t.Errorf("metrics.csv: %s", rows)
	}
	if r.Selection != nil || r.Accuracy.Note != result.OnceAfterLast || len(chosen.Selection.Looks) != 2 || r.Data.Counts["val"] != 9 || r.Measurements.ValidationSeconds <= 0 {
		t.Errorf("%+v, %+v, %v", r.Selection, r.Accuracy, r.Data.Counts)
	}
	c.Unwatched = true
	unwatched, _ := trainedBy(t, c, "unwatched")
	expect.NoError(t, os.Remove(filepath.Join(c.Data, "val.txt")))
	c.SelectEvery = 1
	plain, alone := trainedBy(t, c, "plain")
	if !bytes.Equal(adapter, alone) || plain.Data.Fingerprint != r.Data.Fingerprint || !reflect.DeepEqual(plain.Accuracy, r.Accuracy) {
		t.Errorf("looks change the run: %+v, without %+v", r.Accuracy, plain.Accuracy)
	}
	for _, name := range []string{"plain", "unwatched"} {
		if rows := metricsOf(t, filepath.Join(filepath.Dir(c.Data), name)); strings.Contains(rows, "val_") {
			t.Errorf("%s: %s", name, rows)
		}
	}
	if unwatched.Measurements.ValidationSeconds != 0 {
		t.Errorf("%v s for no look", unwatched.Measurements.ValidationSeconds)
	}
}

// TestLooksTrained: validation images that train, as in VTAB-1k's trainval, are no validation images.
func TestLooksTrained(t *testing.T) {
	c := selecting(t)
	c.Epochs, c.Select = 1, SelectLast
	train12, err := os.ReadFile(filepath.Join(c.Data, "train.txt"))
	expect.NoError(t, err)
	val, err := os.ReadFile(filepath.Join(c.Data, "val.txt"))
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "train800val200.txt"), append(train12, val...), 0o666))
	r, _ := trainedBy(t, c, "run")
	if rows := metricsOf(t, filepath.Join(filepath.Dir(c.Data), "run")); strings.Contains(rows, "val_") || r.Data.Counts["val"] != 0 {
		t.Errorf("%v, %s", r.Data.Counts, rows)
	}
}

// TestLooksResumed: metrics.csv of a stopped run with --select last has the looks of a run in one piece.
func TestLooksResumed(t *testing.T) {
	c := selecting(t)
	c.Epochs, c.Select = 3, SelectLast
	_, adapter := trainedBy(t, c, "whole")
	c.Out, c.Resume = killed(t, c, stopAfter(3)), true
	_, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(c.Out, result.AdapterFile))
	expect.NoError(t, err)
	if rows, want := metricsOf(t, c.Out), metricsOf(t, filepath.Join(filepath.Dir(c.Data), "whole")); rows != want || !bytes.Equal(got, adapter) {
		t.Errorf("%s, in one piece %s", rows, want)
	}
}

// stopAfter stops a run after a step, for killed.
func stopAfter(step int) func(h *train.Hooks, cancel, keep func()) {
	return func(h *train.Hooks, cancel, _ func()) {
		h.OnStep("stop", func(i train.Info) error {
			if i.Step == step {
				cancel()
			}
			return nil
		})
	}
}

// TestLooksStored: looks at stored values find what looks at images find, up to rounding, and the same after a resume. One of the
// validation images can't be read.
func TestLooksStored(t *testing.T) {
	c, deep := selecting(t), deepRun(t)
	deep.Data, deep.Out = c.Data, c.Out
	deep.Select, deep.Schedule, deep.SkipBadImages, deep.LearningRate = SelectBest, train.Constant, true, 0.05
	expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "val3.png"), []byte("no image"), 0o666))
	r, adapter := trainedBy(t, deep, "stored")
	if k := r.FeatureCache; !k.Used || !k.Validation || k.Found != 0 || r.Data.Skipped != 1 {
		t.Fatalf("%+v, %d images left out", k, r.Data.Skipped)
	}
	images := deep
	images.FeatureCache = FeatureCacheOff
	plain, _ := trainedBy(t, images, "images")
	var losses, want []float64
	for i, look := range r.Selection.Looks {
		losses, want = append(losses, look.Loss), append(want, plain.Selection.Looks[i].Loss)
		if look.Top1 != plain.Selection.Looks[i].Top1 {
			t.Errorf("look %d: %v %%, from images %v %%", i+1, look.Top1, plain.Selection.Looks[i].Top1)
		}
	}
	if d := apart(losses, want); len(losses) != 3 || d > 1e-5 {
		t.Errorf("losses %v, from images %v", losses, want)
	}
	deep.Out = killed(t, deep, stopAfter(3))
	deep.Resume = true
	again, err := Run(context.Background(), deep, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(deep.Out, result.AdapterFile))
	expect.NoError(t, err)
	if !reflect.DeepEqual(again.Selection, r.Selection) || !bytes.Equal(got, adapter) || !again.FeatureCache.Validation {
		t.Errorf("resumed: %+v, in one piece %+v", again.Selection, r.Selection)
	}
}
