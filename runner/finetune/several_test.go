package finetune

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/datatest"
	"dtl-tf/runner/result"
)

// severalRun is smallRun on a table whose images are red, bright, both or neither.
func severalRun(t *testing.T) Config {
	t.Helper()
	c := smallRun(t)
	table := "path,label,split\n"
	for i := range 24 {
		name := fmt.Sprintf("s%d.png", i)
		hue, shade := uint8(160*(i%2)), uint8(200*(i/2%2)+i)
		datatest.Image(t, filepath.Join(c.Data, name), hue, shade)
		var labels []string
		if hue > 0 {
			labels = append(labels, "hue")
		}
		if shade > 100 {
			labels = append(labels, "shade")
		}
		split := "train"
		if i >= 16 {
			split = "test"
		}
		table += name + "," + strings.Join(labels, "|") + "," + split + "\n"
	}
	c.Data = filepath.Join(c.Data, "table.csv")
	expect.NoError(t, os.WriteFile(c.Data, []byte(table), 0o666))
	c.Loss, c.Epochs, c.Batch, c.LearningRate, c.Report = LossSigmoid, 30, 8, 0.1, true
	return c
}

// TestSeveral: images of several labels are learned; the run and its adapter record the loss, and its files are those of figures that
// make sense. A stopped run ends as one in one piece does, and commands for images of one class refuse the adapter.
func TestSeveral(t *testing.T) {
	c := severalRun(t)
	whole, tensors := trainedBy(t, c, "whole")
	out := filepath.Join(filepath.Dir(c.Data), "whole")
	f := whole.Several
	if f == nil || whole.Accuracy != nil || f.Images != 8 || f.Split != "test" || f.MAP < 0.9 || f.MicroF1 < 0.8 || f.ExactMatch < 0.6 || f.Epoch != 30 {
		t.Fatalf("%+v, %+v", f, whole.Accuracy)
	}
	record, err := ReadRecord(whole.Config)
	expect.NoError(t, err)
	a, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	if record.Loss != LossSigmoid || a.Meta[result.KeyLoss] != result.LossSeveral {
		t.Errorf("recorded: %q, %q", record.Loss, a.Meta[result.KeyLoss])
	}
	for name, want := range map[string]string{result.PredictionsFile: "image,true,predicted,probability of hue,probability of shade\ns16.png,,", result.PerClassFile: "class,images,predicted"} {
		raw, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !strings.HasPrefix(string(raw), want) {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
	}
	for _, name := range []string{result.EvaluationFile, result.ConfusionFile, result.ReportFile} {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			t.Errorf("there is %s", name)
		}
	}
	rest := c
	rest.Out, rest.Resume = killed(t, c, stopAfter(13)), true
	r, err := Run(context.Background(), rest, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(rest.Out, result.AdapterFile))
	expect.NoError(t, err)
	if !bytes.Equal(got, tensors) || !reflect.DeepEqual(r.Several, f) {
		t.Errorf("resumed: %+v, in one piece %+v", r.Several, f)
	}
	config := runner.AdaptedConfig{Adapter: filepath.Join(out, result.AdapterFile)}
	config.Backbone.Path = c.Path
	_, err = adapter.Open(context.Background(), config, func(string, ...any) {})
	expect.Error(t, err, "was trained with --loss bce, so that an image has any number of classes: only predict, with one adapter, can use it")
	_, err = adapter.OpenSeveral(context.Background(), config, []adapter.Named{{Name: "a", Path: config.Adapter}}, func(string, ...any) {})
	expect.Error(t, err, "was trained with --loss bce")
	opened, err := adapter.OpenAny(context.Background(), config, func(string, ...any) {})
	expect.NoError(t, err)
	if !opened.Several {
		t.Error("the adapter does not say what it is")
	}
}

// TestSeveralTargets: smoothing by s makes 1 - s/2 of 1 and s/2 of 0, as in the expected values of dtl.
func TestSeveralTargets(t *testing.T) {
	targets := &targeter{classes: 3, sets: [][]int{{1, 2}, {}, {0}}}
	targets.policy.LabelSmoothing = 0.1
	got := targets.of([]int32{2, 0, 1}, 1).Soft.Float32()
	if want := []float32{0.95, 0.05, 0.05, 0.05, 0.95, 0.95, 0.05, 0.05, 0.05}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestSeveralRefused: what is about images of one class is named.
func TestSeveralRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--data photos: class folders and lists give an image one class": func(c *Config) { c.Data = "photos" },
		"--method full: the backbone file that it writes":                func(c *Config) { c.Method = "full" },
		"--class-weights: ":              func(c *Config) { c.ClassWeights = "balanced" },
		"--sampler balanced: ":           func(c *Config) { c.Sampler = SamplerBalanced },
		"--augment with mixup or cutmix": func(c *Config) { c.Augment = "mixup=0.2" },
		"--val, --test and --holdout: they divide each class: give the table a column split": func(c *Config) { c.Val = 0.1 },
		"--select best: ":  func(c *Config) { c.Select = SelectBest },
		"--select-every: ": func(c *Config) { c.SelectEvery = 2 },
	} {
		c := Default()
		c.Data, c.Loss = "table.csv", LossSigmoid
		expect.NoError(t, c.Check())
		change(&c)
		expect.Error(t, c.Check(), "--loss bce is not possible with "+want)
	}
}
