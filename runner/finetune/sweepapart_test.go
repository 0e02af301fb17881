package finetune

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// TestSweepApart: settings of a method that shares nothing are the runs that they would be alone, with the seeds of the grid for the initial
// values, whatever trained before them in the process.
func TestSweepApart(t *testing.T) {
	c := selecting(t)
	c.Method, c.Epochs, c.Select, c.TensorBoard = "lora", 3, SelectLast, true
	c.Sweep = "rank=1,2;seed=3,9"
	out, err := swept(t, c, "sweep")
	expect.NoError(t, err)
	root := filepath.Join(filepath.Dir(c.Data), "sweep")
	c.Sweep, c.Options = "", map[string]string{"rank": "2"}
	trainedBy(t, c, "alone")
	equalRuns(t, filepath.Join(root, "rank=2,seed=3"), filepath.Join(filepath.Dir(c.Data), "alone"))
	for name, other := range map[string]bool{"rank=1,seed=3": false, "rank=2,seed=9": true} {
		r, err := result.ReadRun(filepath.Join(root, name))
		expect.NoError(t, err)
		record, err := ReadRecord(r.Config)
		expect.NoError(t, err)
		if r.Status != result.Finished || r.Together != 0 || (record.OrderSeed != nil) != other || record.CheckpointEvery == 0 {
			t.Errorf("%s: %s, %d together, order seed %v, a checkpoint every %d epochs", name, r.Status, r.Together, record.OrderSeed, record.CheckpointEvery)
		}
	}
	table, err := os.ReadFile(filepath.Join(root, result.SweepFile))
	expect.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	if len(lines) != 5 || strings.Split(lines[1], ",")[2] == "" || !strings.Contains(out, "Sorted by the accuracy on the validation images") {
		t.Errorf("%s\n%s", table, out)
	}
}

// TestSweepApartFull: a run of the whole backbone leaves the weights for the next one as they were.
func TestSweepApartFull(t *testing.T) {
	c := smallRun(t)
	c.Method, c.Epochs, c.Sweep = "full", 2, "lr=0.01,0.001"
	_, err := swept(t, c, "sweep")
	expect.NoError(t, err)
	c.Sweep, c.LearningRate = "", 0.001
	trainedBy(t, c, "alone")
	setting, alone := filepath.Join(filepath.Dir(c.Data), "sweep", "lr=0.001"), filepath.Join(filepath.Dir(c.Data), "alone")
	equalRuns(t, setting, alone)
	a, err := os.ReadFile(filepath.Join(setting, result.BackboneFile))
	expect.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(alone, result.BackboneFile))
	expect.NoError(t, err)
	if !bytes.Equal(a, b) {
		t.Error("the backbones differ")
	}
}

// TestSweepApartResumed: after Ctrl-C in the second of three settings, --resume leaves the first alone, continues the second and trains the third,
// to the adapters of a sweep in one piece. Runs of an earlier sweep, which --overwrite replaced, do not count.
func TestSweepApartResumed(t *testing.T) {
	c := smallRun(t)
	c.Method, c.Sweep = "lora", "lr=0.01,0.02,0.03"
	_, err := swept(t, c, "whole")
	expect.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	watched := runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test", Watch: func(h *train.Hooks) {
		loops := steps
		h.OnStep("cancel", func(i train.Info) error {
			if steps++; loops > 0 && i.Step == 3 {
				cancel()
			}
			return nil
		})
	}}
	earlier := c
	earlier.Epochs = 1
	_, err = swept(t, earlier, "sweep")
	expect.NoError(t, err)
	c.Out, c.Overwrite = filepath.Join(filepath.Dir(c.Data), "sweep"), true
	err = Sweep(ctx, c, noFlag, watched)
	if expect.Error(t, err, "lr=0.02: interrupted in epoch 2 after step 3", "continue with --resume"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no cancellation", err)
	}
	if _, err := os.Stat(filepath.Join(c.Out, "lr=0.03", result.RunFile)); err == nil {
		t.Error("a setting that has not begun has a run")
	}
	c.Overwrite, c.Resume = false, true
	notes, out := new(bytes.Buffer), new(bytes.Buffer)
	expect.NoError(t, Sweep(t.Context(), c, noFlag, runner.UI{Out: out, Err: notes, Version: "test"}))
	for _, want := range []string{"lr=0.01 is finished: nothing is left to do", "resuming in epoch 2 after step 3", "setting 3 of 3: lr=0.03"} {
		if !strings.Contains(notes.String(), want) {
			t.Errorf("%q is not in %s", want, notes)
		}
	}
	for _, name := range []string{"lr=0.01", "lr=0.02", "lr=0.03"} {
		a, err := result.ReadAdapter(filepath.Join(c.Out, name, result.AdapterFile))
		expect.NoError(t, err)
		b, err := result.ReadAdapter(filepath.Join(filepath.Dir(c.Data), "whole", name, result.AdapterFile))
		expect.NoError(t, err)
		if a.Tensors.SHA256() != b.Tensors.SHA256() {
			t.Errorf("%s: the adapter is not that of a sweep in one piece", name)
		}
	}
	c.Method = "dtl"
	expect.Error(t, Sweep(t.Context(), c, noFlag, runner.UI{Out: out, Err: notes, Version: "test"}), "--sweep and --resume do not go together: settings that train together")
}

// TestSweepApartDiverges: a setting whose loss is not finite fails alone.
func TestSweepApartDiverges(t *testing.T) {
	c := smallRun(t)
	c.Method, c.Epochs, c.Sweep = "lora", 6, "lr=1e3,0.01;weight-decay=0,1e3"
	_, err := swept(t, c, "sweep")
	expect.Error(t, err, "1 of 4 settings failed: lr=1e3,weight-decay=1e3: ", " became ", "try a smaller learning rate")
}
