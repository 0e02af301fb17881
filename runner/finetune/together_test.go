package finetune

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// runsOf are three runs of DTL that share a forward pass, and a fourth that diverges.
func runsOf(t *testing.T, folder string) (list []Config) {
	t.Helper()
	c := selecting(t)
	c.Method, c.Select, c.Schedule, c.Epochs, c.EvalSplit, c.TrainSplit, c.Unwatched = "dtl", SelectLast, train.Cosine, 6, data.Val, "", true
	c.DropPathScope, c.Overwrite, c.CheckpointEvery = "suffix", true, 2
	for i, change := range []func(c *Config){
		func(c *Config) { c.LearningRate = 0.01 },
		func(c *Config) { c.LearningRate, c.DropPath, c.WeightDecay = 0.03, 0.2, 0.1 },
		func(c *Config) { c.LearningRate, c.Options = 0.003, map[string]string{"rank": "1"} },
		func(c *Config) { c.LearningRate, c.WeightDecay = 1e3, 1e3 },
	} {
		one := c
		one.Out = filepath.Join(filepath.Dir(c.Data), folder, string(rune('a'+i)))
		change(&one)
		list = append(list, one)
	}
	return list
}

func quietUI() runner.UI {
	return runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"}
}

// TestTogether: runs that share a forward pass leave what they leave alone, and one that diverges fails alone.
func TestTogether(t *testing.T) {
	list := runsOf(t, "together")
	done, err := Together(t.Context(), list, quietUI())
	expect.NoError(t, err)
	if len(done) != 4 || done[0].Err != nil || !errors.As(done[3].Err, new(*train.DivergedError)) || done[3].Run.Status != result.Failed || done[1].Run.Together != 4 {
		t.Fatalf("%+v", done)
	}
	for i, c := range list[:3] {
		alone := c
		alone.Out = filepath.Join(filepath.Dir(c.Data), "alone", string(rune('a'+i)))
		r, err := Run(t.Context(), alone, quietUI())
		expect.NoError(t, err)
		equalRuns(t, c.Out, alone.Out)
		if a := done[i].Run.Accuracy; a == nil || *a != *r.Accuracy || a.Split != data.Val {
			t.Errorf("%+v, alone %+v", a, r.Accuracy)
		}
	}
}

// TestTogetherContinues: after an interruption within an epoch, the runs continue together, and so does one of them alone; both end as
// without it.
func TestTogetherContinues(t *testing.T) {
	list := runsOf(t, "together")[:3]
	ctx, cancel := context.WithCancel(t.Context())
	ui := quietUI()
	ui.Watch = func(h *train.Hooks) {
		h.OnStep("cancel", func(i train.Info) error {
			if i.Step == 7 { // in epoch 4, of two steps
				cancel()
			}
			return nil
		})
	}
	if _, err := Together(ctx, list, ui); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	apart := list[2]
	apart.Out += "-moved"
	expect.NoError(t, os.CopyFS(apart.Out, os.DirFS(list[2].Out)))
	for i := range list {
		list[i].Overwrite, list[i].Resume = false, true
	}
	done, err := Together(t.Context(), list, quietUI())
	expect.NoError(t, err)
	apart.Overwrite, apart.Resume = false, true
	_, err = Run(t.Context(), apart, quietUI())
	expect.NoError(t, err)
	for i, c := range list {
		if done[i].Err != nil {
			t.Fatal(done[i].Err)
		}
		whole := c
		whole.Out, whole.Resume, whole.Overwrite = filepath.Join(filepath.Dir(c.Data), "whole", string(rune('a'+i))), false, true
		_, err := Run(t.Context(), whole, quietUI())
		expect.NoError(t, err)
		equalRuns(t, c.Out, whole.Out)
		if i == 2 {
			equalRuns(t, apart.Out, whole.Out)
		}
	}
}

// TestJoins: what runs may differ in, and which can't share at all.
func TestJoins(t *testing.T) {
	list := runsOf(t, "x")
	for i, c := range list {
		if !list[0].Joins(c) {
			t.Errorf("run %d does not join", i)
		}
	}
	for name, change := range map[string]func(c *Config){
		"seed": func(c *Config) { c.Seed++ }, "epochs": func(c *Config) { c.Epochs++ }, "batch": func(c *Config) { c.Batch++ }, "precision": func(c *Config) { c.Precision = "bf16" },
		"pool": func(c *Config) { c.Pool = "cls" }, "method": func(c *Config) { c.Method = "linear" }, "data": func(c *Config) { c.Data = "x" },
		"drop path": func(c *Config) { c.DropPath, c.DropPathScope = 0.1, "all" }, "devices": func(c *Config) { c.Devices = "2" }, "full": func(c *Config) { c.Method = "full" },
	} {
		other := list[0]
		if change(&other); list[0].Joins(other) {
			t.Errorf("another %s joins", name)
		}
	}
}

// TestApart: methods that share nothing say so before anything is written.
func TestApart(t *testing.T) {
	list := runsOf(t, "apart")[:2]
	for i := range list {
		list[i].Method = "lora"
	}
	_, err := Together(t.Context(), list, quietUI())
	if !errors.As(err, new(*ApartError)) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Dir(list[0].Out)); err == nil {
		t.Error("a folder was made")
	}
}
