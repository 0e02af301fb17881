package finetune

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/datatest"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// selecting is smallRun of eight epochs at a constant rate that chooses the best epoch. Most of the validation images have the label of
// another class, so that training makes the accuracy on them worse: the first five looks are equal, and the others worse.
func selecting(t *testing.T) Config {
	t.Helper()
	c := smallRun(t)
	var list strings.Builder
	for i := range 9 {
		name := fmt.Sprintf("val%d.png", i)
		datatest.Image(t, filepath.Join(c.Data, name), uint8(80*(i%3)), uint8(20+i))
		fmt.Fprintf(&list, "%s %d\n", name, (i+min(i/2, 1))%3)
	}
	expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "val.txt"), []byte(list.String()), 0o666))
	c.Epochs, c.Schedule, c.Select, c.Seed = 8, train.Constant, SelectBest, 3
	return c
}

// trainedBy runs c in a folder of this name and returns its run.json and its adapter.
func trainedBy(t *testing.T, c Config, name string) (result.Run, []byte) {
	t.Helper()
	c.Out = filepath.Join(filepath.Dir(c.Data), name)
	r, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	adapter, err := os.ReadFile(filepath.Join(c.Out, result.AdapterFile))
	expect.NoError(t, err)
	return r, adapter
}

// TestSelectBest: a run that chooses an epoch ends as a run ends that trains up to this epoch. Its looks are the accuracies of such
// runs on the validation images.
func TestSelectBest(t *testing.T) {
	c := selecting(t)
	c.SelectEvery = 3
	r, adapter := trainedBy(t, c, "best")
	s := r.Selection
	if s.Split != "val" || s.Images != 9 || len(s.Looks) != 3 || r.Progress.Epochs != 8 || s.Stopped {
		t.Fatalf("%d epochs, looks %+v", r.Progress.Epochs, s)
	}
	best := 0
	for i, look := range s.Looks {
		if want := []int{3, 6, 8}[i]; look.Epoch != want {
			t.Errorf("look %d is after epoch %d, want %d", i+1, look.Epoch, want)
		}
		if look.Top1 > s.Looks[best].Top1 {
			best = i
		}
		plain := c
		plain.Select, plain.SelectEvery, plain.Epochs, plain.EvalSplit = SelectLast, 1, look.Epoch, data.Val
		p, alone := trainedBy(t, plain, fmt.Sprint("plain", look.Epoch))
		if p.Accuracy.Top1 != look.Top1 || p.Selection != nil {
			t.Errorf("after epoch %d the look found %v %%, a run of as many epochs %v %%", look.Epoch, look.Top1, p.Accuracy.Top1)
		}
		if same := bytes.Equal(alone, adapter); same != (look.Epoch == s.Chosen) {
			t.Errorf("chosen is epoch %d, and the adapter is that of a run of %d epochs: %v", s.Chosen, look.Epoch, same)
		}
		if look.Epoch == s.Chosen {
			plain.EvalSplit = data.Test
			if p, _ = trainedBy(t, plain, "tested"); p.Accuracy.Top1 != r.Accuracy.Top1 {
				t.Errorf("evaluated with %v %%, a run of %d epochs has %v %%", r.Accuracy.Top1, s.Chosen, p.Accuracy.Top1)
			}
		}
	}
	if s.Chosen != s.Looks[best].Epoch || s.Chosen == 8 {
		t.Errorf("chosen is epoch %d of %+v", s.Chosen, s.Looks)
	}
	if a := r.Accuracy; a.Epoch != s.Chosen || a.Note != result.OnceAfterBest || a.Split != "test" {
		t.Errorf("the accuracy is %+v", a)
	}
	if r.Data.Counts["val"] != 9 {
		t.Errorf("images by split: %v", r.Data.Counts)
	}
}

// TestPatience: training ends when the best look is old enough, and the end is the same as that of a longer run.
func TestPatience(t *testing.T) {
	c := selecting(t)
	whole, adapter := trainedBy(t, c, "whole")
	for _, patience := range []int{1, 3} {
		var s result.Selection // replayed
		for i, look := range whole.Selection.Looks {
			s.Add(look)
			if i+1-s.Chosen == patience {
				break
			}
		}
		c.Patience = patience
		r, early := trainedBy(t, c, fmt.Sprint("patience", patience))
		if r.Progress.Epochs != len(s.Looks) || !reflect.DeepEqual(r.Selection.Looks, s.Looks) || r.Selection.Chosen != s.Chosen {
			t.Errorf("patience %d: ended after epoch %d with %+v, want %d with %+v", patience, r.Progress.Epochs, r.Selection, len(s.Looks), s)
		}
		if stopped := r.Progress.Epochs < 8; r.Selection.Stopped != stopped {
			t.Errorf("patience %d: stopped early: %v", patience, r.Selection.Stopped)
		}
		if s.Chosen == whole.Selection.Chosen && !bytes.Equal(early, adapter) {
			t.Errorf("patience %d: another adapter for the same epoch", patience)
		}
	}
	if n := whole.Selection; n.Chosen > 5 {
		t.Errorf("the best is epoch %d of 8: patience has nothing to do", n.Chosen)
	}
	c.Patience = 1
	c.Out = filepath.Join(filepath.Dir(c.Data), "patience1")
	c.Resume = true
	again, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	if err != nil || !again.Selection.Stopped {
		t.Errorf("resumed: %+v, %v", again.Selection, err)
	}
}

// killed runs c until hook cancels or copies, and returns what is on the disk then.
func killed(t *testing.T, c Config, at func(h *train.Hooks, cancel func(), keep func())) string {
	t.Helper()
	kept := filepath.Join(t.TempDir(), "kept")
	c.Out = filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	keep := func() { expect.NoError(t, os.CopyFS(kept, os.DirFS(c.Out))) }
	ui := runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test", Watch: func(h *train.Hooks) { at(h, cancel, keep) }}
	_, err := Run(ctx, c, ui)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err != nil {
		return c.Out
	}
	return kept
}

// TestSelectResumed: wherever a run that chooses an epoch is stopped or killed, it ends with the same adapter and the same record.
func TestSelectResumed(t *testing.T) {
	c := selecting(t)
	c.Patience = 3
	t.Run("the first is the best", func(t *testing.T) { resumes(t, c) })
	c = selecting(t)
	c.LearningRate, c.Seed = 0.05, 1 // worse at first, the best is the seventh
	t.Run("the best changes", func(t *testing.T) { resumes(t, c) })
}

// resumes stops and kills the run of c at several points: all of them with DTL_HEAVY.
func resumes(t *testing.T, c Config) {
	whole, adapter := trainedBy(t, c, "whole")
	rows := metricsOf(t, filepath.Join(filepath.Dir(c.Data), "whole"))
	if !strings.Contains(rows, "val_top1") {
		t.Errorf("metrics.csv lacks the looks: %s", rows)
	}
	steps, apart := whole.Progress.Steps, 11 // two steps an epoch
	if need.AllowsHeavy() {
		apart = 1
	}
	cases := map[string]func(h *train.Hooks, cancel, keep func()){}
	for step := 1 + rand.IntN(apart); step < steps; step += apart {
		cases[fmt.Sprintf("stopped after step %d", step)] = func(h *train.Hooks, cancel, _ func()) {
			h.OnStep("stop", func(i train.Info) error {
				if i.Step == step {
					cancel()
				}
				return nil
			})
		}
	}
	for epoch := 2 + rand.IntN(min(apart, whole.Progress.Epochs-1)); epoch <= whole.Progress.Epochs; epoch += apart {
		cases[fmt.Sprintf("killed at the end of epoch %d", epoch)] = func(h *train.Hooks, _, keep func()) {
			h.OnEpochEnd("keep", func(i train.Info) error {
				if i.Epoch == epoch {
					keep()
				}
				return nil
			})
		}
	}
	cases["killed after the last epoch"] = func(h *train.Hooks, cancel, _ func()) {
		h.OnEnd("stop", func(train.Info) error { cancel(); return nil }) // during the evaluation
	}
	for name, at := range cases {
		t.Run(name, func(t *testing.T) {
			rest := c
			rest.Out, rest.Resume = killed(t, c, at), true
			r, err := Run(context.Background(), rest, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
			expect.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(rest.Out, result.AdapterFile))
			expect.NoError(t, err)
			if !bytes.Equal(got, adapter) {
				t.Error("another adapter")
			}
			if !reflect.DeepEqual(r.Selection, whole.Selection) || !reflect.DeepEqual(r.Accuracy, whole.Accuracy) || r.Progress != whole.Progress {
				t.Errorf("%+v, %+v after %+v; in one piece: %+v, %+v after %+v", r.Selection, r.Accuracy, r.Progress, whole.Selection, whole.Accuracy, whole.Progress)
			}
			if m := metricsOf(t, rest.Out); m != rows {
				t.Errorf("metrics.csv:\n%s\nin one piece:\n%s", m, rows)
			}
		})
	}
}

// metricsOf returns a run's metrics.csv without the times.
func metricsOf(t *testing.T, out string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(out, result.MetricsFile))
	expect.NoError(t, err)
	var b strings.Builder
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(line, ",")
		fmt.Fprintln(&b, strings.Join(append(f[:4:4], f[6:]...), ","))
	}
	return b.String()
}

// TestSelectInterrupted: the adapter of a run that was stopped is the best so far.
func TestSelectInterrupted(t *testing.T) {
	c := selecting(t)
	whole, adapter := trainedBy(t, c, "whole")
	stop := 2*whole.Selection.Chosen + 1
	out := killed(t, c, func(h *train.Hooks, cancel, _ func()) {
		h.OnStep("stop", func(i train.Info) error {
			if i.Step == stop {
				cancel()
			}
			return nil
		})
	})
	got, err := os.ReadFile(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	if !bytes.Equal(got, adapter) {
		t.Error("not the weights of the best epoch")
	}
	r, err := result.ReadRun(out)
	expect.NoError(t, err)
	if r.Status != result.Interrupted || r.Selection.Chosen != whole.Selection.Chosen {
		t.Errorf("run.json: %s, %+v", r.Status, r.Selection)
	}
}

// TestSelectRefused: what can't choose an epoch is wrong usage, and the error names the flag.
func TestSelectRefused(t *testing.T) {
	c := selecting(t)
	train12, err := os.ReadFile(filepath.Join(c.Data, "train.txt"))
	expect.NoError(t, err)
	val, err := os.ReadFile(filepath.Join(c.Data, "val.txt"))
	expect.NoError(t, err)
	for name, v := range map[string]struct {
		change func(c *Config)
		want   string
	}{
		"patience alone": {func(c *Config) { c.Select, c.Patience = SelectLast, 2 }, "--patience 2 needs --select best"},
		"every without images": {func(c *Config) {
			c.Select, c.SelectEvery = SelectLast, 2
			expect.NoError(t, os.Remove(filepath.Join(c.Data, "val.txt")))
		}, "--select-every 2 needs validation images that do not train, and "},
		"no list": {func(c *Config) { expect.NoError(t, os.Remove(filepath.Join(c.Data, "val.txt"))) },
			"--select best needs validation images, and "},
		"an empty list": {func(c *Config) {
			expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "val.txt"), []byte("\n"), 0o666))
		},
			"--select best needs validation images: "},
		"among the training images": {func(c *Config) {
			expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "train800val200.txt"), append(bytes.Clone(train12), val[:22]...), 0o666))
		}, "--select best is not possible: 2 of the 9 validation images are in the training split trainval too, such as val0.png"},
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			c.Out = filepath.Join(t.TempDir(), "run")
			v.change(&c)
			_, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
			var usage *runner.UsageError
			if !errors.As(err, &usage) {
				t.Errorf("%v is no wrong usage", err)
			}
			expect.Error(t, err, v.want)
			expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "val.txt"), val, 0o666))
		})
	}
}

// TestSelectCached: the validation images are decoded once for all looks.
func TestSelectCached(t *testing.T) {
	c := selecting(t)
	whole, _ := trainedBy(t, c, "whole")
	c.Out = filepath.Join(filepath.Dir(c.Data), "cached")
	ui := runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test", Watch: func(h *train.Hooks) {
		h.OnEpochEnd("remove", func(i train.Info) error {
			if i.Epoch == 1 {
				return os.Remove(filepath.Join(c.Data, "val4.png"))
			}
			return nil
		})
	}}
	r, err := Run(context.Background(), c, ui)
	expect.NoError(t, err)
	if !reflect.DeepEqual(r.Selection, whole.Selection) {
		t.Errorf("%+v, want %+v", r.Selection, whole.Selection)
	}
}

// TestSelectUnreadable: a validation image that can't be read is left out of every look and counted once, also after a resume.
func TestSelectUnreadable(t *testing.T) {
	c := selecting(t)
	c.SkipBadImages = true
	expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "val3.png"), []byte("no image"), 0o666))
	whole, _ := trainedBy(t, c, "whole")
	c.Out, c.Resume = killed(t, c, func(h *train.Hooks, cancel, _ func()) {
		h.OnEnd("stop", func(train.Info) error { cancel(); return nil })
	}), true
	r, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	if whole.Data.Skipped != 1 || r.Data.Skipped != 1 || !reflect.DeepEqual(r.Selection, whole.Selection) {
		t.Errorf("%d images left out, after a resume %d", whole.Data.Skipped, r.Data.Skipped)
	}
	if share := whole.Selection.Looks[0].Top1 * 8 / 100; math.Abs(share-math.Round(share)) > 1e-9 {
		t.Errorf("%v %% is no share of 8 images", whole.Selection.Looks[0].Top1)
	}
}
