package finetune

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// TestParseGrid: the product in the order of the grid, the last setting fastest, and what is wrong with bad grids.
func TestParseGrid(t *testing.T) {
	axes, err := parseGrid("lr=1e-3, 3e-3;rank=2,4;weight_decay=0", "dtl")
	expect.NoError(t, err)
	var names []string
	for _, p := range points(axes) {
		names = append(names, p.String())
	}
	want := "lr=1e-3,rank=2,weight-decay=0 lr=1e-3,rank=4,weight-decay=0 lr=3e-3,rank=2,weight-decay=0 lr=3e-3,rank=4,weight-decay=0"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("points are %s, want %s", got, want)
	}
	for grid, wrong := range map[string]string{
		"":                                    `"": want NAME=VALUE`,
		"lr":                                  `"lr": want NAME=VALUE`,
		"lr=":                                 `"lr=": want NAME=VALUE`,
		"=1":                                  `"=1": want NAME=VALUE`,
		"lr=1e-3;":                            `"": want NAME=VALUE`,
		"lr=1e-3,":                            `lr=: "" is not a number`,
		"lr=fast":                             `lr=fast: "fast" is not a number`,
		"lr=1e-3,0.001":                       "lr has the value 0.001 twice",
		"lr=1;lr=2":                           "lr is given twice",
		"rank=2;lr=1;rank=3":                  "rank is given twice",
		"seed=-1":                             `seed=-1: "-1" is not a whole number`,
		"seed=1.5":                            "is not a whole number",
		"rnak=2":                              `"rnak" is not a setting in which runs of the method dtl can differ`,
		"kernel=3":                            `"kernel" is not a setting`,
		"batch=8,16":                          `"batch" is not a setting in which runs`,
		"lr=1e-3|rank=2":                      "is not a number",
		"lr=" + strings.Repeat("1,", 3) + "2": "twice",
		"seed=0,1,2,3,4,5,6,7,8,9,10;rank=1,2,3,4,5,6,7,8,9,10": "more than 100 settings",
	} {
		_, err := parseGrid(grid, "dtl")
		expect.Error(t, err, "--sweep", wrong)
		if !errors.As(err, new(*runner.UsageError)) {
			t.Errorf("%q: %v is no UsageError", grid, err)
		}
	}
}

// noFlag is the command line without further flags.
func noFlag(string) bool { return false }

// swept runs a sweep in a folder of this name and returns the standard output.
func swept(t *testing.T, c Config, name string) (string, error) {
	t.Helper()
	c.Out = filepath.Join(filepath.Dir(c.Data), name)
	out := new(bytes.Buffer)
	err := Sweep(context.Background(), c, noFlag, runner.UI{Out: out, Err: new(bytes.Buffer), Version: "test"})
	return out.String(), err
}

// equalRuns compares the files of a setting with those of a run of its own.
func equalRuns(t *testing.T, setting, alone string) {
	t.Helper()
	a, err := result.ReadRun(setting)
	expect.NoError(t, err)
	b, err := result.ReadRun(alone)
	expect.NoError(t, err)
	if a.Status != result.Finished || a.Accuracy == nil || *a.Accuracy != *b.Accuracy || a.Progress != b.Progress || a.Parameters != b.Parameters || a.Data.Fingerprint != b.Data.Fingerprint {
		t.Errorf("%s: %s, %+v, %+v, %+v; alone %+v, %+v, %+v", setting, a.Status, a.Accuracy, a.Progress, a.Parameters, b.Accuracy, b.Progress, b.Parameters)
	}
	if s, alone := a.Selection, b.Selection; (s == nil) != (alone == nil) || s != nil && (s.Chosen != alone.Chosen || s.Stopped != alone.Stopped || len(s.Looks) != len(alone.Looks)) {
		t.Errorf("%s: selection %+v, alone %+v", setting, s, alone)
	}
	mine, err := result.ReadAdapter(filepath.Join(setting, result.AdapterFile))
	expect.NoError(t, err)
	other, err := result.ReadAdapter(filepath.Join(alone, result.AdapterFile))
	expect.NoError(t, err)
	for name, want := range other.Tensors {
		for i, v := range want.Float32() {
			if got := mine.Tensors[name].Float32()[i]; math.Abs(float64(got-v)) > 1e-5*max(1, math.Abs(float64(v))) {
				t.Fatalf("%s: %s[%d] is %v, alone %v", setting, name, i, got, v)
			}
		}
	}
	for i, want := range losses(t, alone) {
		if got := losses(t, setting)[i]; math.Abs(got-want) > 1e-5*want {
			t.Errorf("%s: loss %v after epoch %d, alone %v", setting, got, i+1, want)
		}
	}
}

// TestSweepEqualsSingle: each folder has what a run of its own leaves with the same seed, and the table is sorted by the accuracy on the
// validation images.
func TestSweepEqualsSingle(t *testing.T) {
	c := selecting(t)
	c.Epochs, c.Patience, c.Report, c.EMA = 6, 2, true, 0.5
	c.Sweep = "lr=0.001,0.03;weight-decay=0,0.1"
	out, err := swept(t, c, "sweep")
	expect.NoError(t, err)
	root := filepath.Join(filepath.Dir(c.Data), "sweep")
	for _, rate := range []string{"0.001", "0.03"} {
		one := c
		one.LearningRate, one.WeightDecay = map[string]float64{"0.001": 0.001, "0.03": 0.03}[rate], 0.1
		trainedBy(t, one, "alone"+rate)
		setting := filepath.Join(root, "lr="+rate+",weight-decay=0.1")
		equalRuns(t, setting, filepath.Join(filepath.Dir(c.Data), "alone"+rate))
		for _, name := range result.EvaluationFiles() {
			if _, err := os.Stat(filepath.Join(setting, name)); err != nil {
				t.Error(err)
			}
		}
	}
	table, err := os.ReadFile(filepath.Join(root, result.SweepFile))
	expect.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	if !strings.HasPrefix(lines[0], "lr,weight-decay,val_score,test_score,trainable_without_classifier,folder") || len(lines) != 5 {
		t.Fatalf("sweep.csv: %s", table)
	}
	var scores []string
	for _, line := range lines[1:] {
		fields := strings.Split(line, ",")
		scores = append(scores, fields[2])
	}
	if !slices.IsSortedFunc(scores, func(a, b string) int { return strings.Compare(b, a) }) { // all below 100 %, of nine images
		t.Errorf("the accuracies on the validation images are %v", scores)
	}
	if !strings.Contains(out, "Sorted by the accuracy on the validation images") {
		t.Error(out)
	}
}

// TestSweepStored: settings of dtl that read stored values are runs that read stored values, looks at validation images included.
func TestSweepStored(t *testing.T) {
	c := selecting(t)
	c.Method, c.Epochs, c.Select = "dtl", 4, SelectLast
	c.FeatureCache = filepath.Join(t.TempDir(), "cache")
	c.Sweep = "rank=1,2;lr=0.01"
	_, err := swept(t, c, "sweep")
	expect.NoError(t, err)
	c.Options, c.LearningRate = map[string]string{"rank": "1"}, 0.01
	r, _ := trainedBy(t, c, "alone")
	setting := filepath.Join(filepath.Dir(c.Data), "sweep", "rank=1,lr=0.01")
	equalRuns(t, setting, filepath.Join(filepath.Dir(c.Data), "alone"))
	got, err := result.ReadRun(setting)
	expect.NoError(t, err)
	if !got.FeatureCache.Used || !got.FeatureCache.Validation || r.FeatureCache.Found != 2 || got.Together != 2 {
		t.Errorf("feature cache %+v, alone %+v, %d together", got.FeatureCache, r.FeatureCache, got.Together)
	}
}

// TestSweepSeed: the seed of the grid sets the initial values, and the order of the images stays that of --seed. run.json has both.
func TestSweepSeed(t *testing.T) {
	c := smallRun(t)
	c.Sweep = "seed=1,9"
	out, err := swept(t, c, "sweep")
	expect.NoError(t, err)
	root := filepath.Join(filepath.Dir(c.Data), "sweep")
	trainedBy(t, c, "alone")
	equalRuns(t, filepath.Join(root, "seed=1"), filepath.Join(filepath.Dir(c.Data), "alone"))
	for name, want := range map[string]bool{"seed=1": false, "seed=9": true} {
		r, err := result.ReadRun(filepath.Join(root, name))
		expect.NoError(t, err)
		record, err := ReadRecord(r.Config)
		expect.NoError(t, err)
		if (record.OrderSeed != nil) != want || want && (*record.OrderSeed != 1 || record.Seed != 9) {
			t.Errorf("%s: seed %d, order seed %v", name, record.Seed, record.OrderSeed)
		}
	}
	if !strings.Contains(out, "In the order of the grid") {
		t.Error(out)
	}
}

// TestSweepOverwrites: --overwrite replaces the settings of the grid, and names the others that are in the folder.
func TestSweepOverwrites(t *testing.T) {
	c := smallRun(t)
	c.Epochs, c.Sweep = 1, "lr=0.01,0.02"
	_, err := swept(t, c, "sweep")
	expect.NoError(t, err)
	_, err = swept(t, c, "sweep")
	expect.Error(t, err, "exists already", "--overwrite")
	c.Sweep, c.Overwrite, c.Out = "lr=0.02,0.03", true, filepath.Join(filepath.Dir(c.Data), "sweep")
	notes := new(bytes.Buffer)
	expect.NoError(t, Sweep(t.Context(), c, noFlag, runner.UI{Out: new(bytes.Buffer), Err: notes, Version: "test"}))
	if !strings.Contains(notes.String(), "1 run of an earlier sweep, not in the table of this one: lr=0.01 in") {
		t.Error(notes)
	}
	for _, name := range []string{"lr=0.01", "lr=0.02", "lr=0.03"} {
		if _, err := result.ReadRun(filepath.Join(c.Out, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestSweepDiverges: a setting whose loss is not finite fails alone, and the command says so.
func TestSweepDiverges(t *testing.T) {
	c := selecting(t)
	c.Epochs, c.Select, c.Sweep = 6, SelectLast, "lr=1e3,0.01;weight-decay=0,1e3"
	_, err := swept(t, c, "sweep")
	expect.Error(t, err, "1 of 4 settings failed: lr=1e3,weight-decay=1e3: the loss became")
	root := filepath.Join(filepath.Dir(c.Data), "sweep")
	for name, want := range map[string]result.Status{"lr=1e3,weight-decay=1e3": result.Failed, "lr=0.01,weight-decay=0": result.Finished, "lr=1e3,weight-decay=0": result.Finished} {
		r, err := result.ReadRun(filepath.Join(root, name))
		expect.NoError(t, err)
		if r.Status != want || (r.Accuracy != nil) != (want == result.Finished) {
			t.Errorf("%s: %s, %v", name, r.Status, r.Accuracy)
		}
	}
}

// TestSweepInterrupted: after Ctrl-C each folder has the adapter trained so far.
func TestSweepInterrupted(t *testing.T) {
	c := smallRun(t)
	c.Sweep = "lr=0.01,0.02"
	ctx, cancel := context.WithCancel(t.Context())
	ui := runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test", Watch: func(h *train.Hooks) {
		h.OnStep("cancel", func(i train.Info) error {
			if i.Step == 3 {
				cancel()
			}
			return nil
		})
	}}
	err := Sweep(ctx, c, noFlag, ui)
	if expect.Error(t, err, "interrupted in epoch 2 after step 3", c.Out); !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no cancellation", err)
	}
	for _, name := range []string{"lr=0.01", "lr=0.02"} {
		r, err := result.ReadRun(filepath.Join(c.Out, name))
		expect.NoError(t, err)
		_, adapterErr := result.ReadAdapter(filepath.Join(c.Out, name, result.AdapterFile))
		if r.Status != result.Interrupted || r.Progress.Steps != 3 || adapterErr != nil {
			t.Errorf("%s: %s after step %d, %v", name, r.Status, r.Progress.Steps, adapterErr)
		}
	}
}

// TestSweepRefuses names what settings that train together can't have, before anything is written.
func TestSweepRefuses(t *testing.T) {
	c := smallRun(t)
	for _, wrong := range []struct {
		change func(c *Config)
		texts  []string
	}{
		{func(c *Config) { c.Resume = true }, []string{"--resume: none of the 2 settings of --sweep has a folder in"}},
		{func(c *Config) { c.InitAdapter = "a" }, []string{"--sweep and --init-adapter"}},
		{func(c *Config) { c.Memory = "8GB" }, []string{"--sweep and --memory"}},
		{func(c *Config) { c.TensorBoard = true }, []string{"--sweep and --tensorboard"}},
		{func(c *Config) { c.Devices = "2" }, []string{"--sweep and --devices do not go together"}},
		{func(c *Config) { c.Cluster = "cluster.json" }, []string{"--sweep and --cluster do not go together"}},
		{func(c *Config) { c.Method, c.Init, c.Path = "full", InitRandom, tiny }, []string{"--sweep and --init random"}},
		{func(c *Config) { c.Sweep = "lr=0" }, []string{"lr=0 is not possible: a learning rate must be above 0"}},
		{func(c *Config) { c.Sweep = "drop-path=0,0.1" }, []string{"drop path 0.1", "--drop-path-scope suffix"}},
		{func(c *Config) { c.Sweep, c.DropPathScope = "drop-path=2", "suffix" }, []string{"--sweep: drop-path=2: --drop-path 2 is not possible"}},
		{func(c *Config) { c.Method, c.Sweep = "dtl", "rank=2,99" }, []string{"--sweep: rank=99", "--rank 99"}},
	} {
		bad := c
		bad.Sweep = "lr=0.01,0.02"
		wrong.change(&bad)
		_, err := swept(t, bad, "refused")
		expect.Error(t, err, wrong.texts...)
		if !errors.As(err, new(*runner.UsageError)) {
			t.Errorf("%v is no UsageError", err)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(c.Data), "refused")); err == nil {
			t.Errorf("%v: the folder is there", wrong.texts)
		}
	}
	c.Sweep = "lr=0.01"
	err := Sweep(t.Context(), c, func(flag string) bool { return flag == "lr" }, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, "--lr is given, and --sweep has lr too")
	err = Sweep(t.Context(), c, func(flag string) bool { return flag == "checkpoint-every" }, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, "--sweep and --checkpoint-every do not go together: settings that train together have no checkpoints")
}
