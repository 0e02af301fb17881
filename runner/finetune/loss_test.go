package finetune

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/data"
	"dtl-tf/runner/data/augment"
	"dtl-tf/runner/result"
)

// TestTargeter: the weighted losses of hard, smoothed and mixed labels are PyTorch's (scripts/make_training_vectors.py), as are
// losses without weights.
func TestTargeter(t *testing.T) {
	raw, err := os.ReadFile("../../dtl/testdata/training_steps.json")
	expect.NoError(t, err)
	var file struct {
		Width, Classes int
		Cases          []struct {
			Name      string
			Weights   []float32
			Smoothing float64
			Lambda    *float64
			BCE       bool
			Features  []float32
			Labels    []int32
			Losses    []float64
			Start     map[string][]float32
		}
	}
	expect.NoError(t, json.Unmarshal(raw, &file))
	checked := 0
	for _, c := range file.Cases {
		if c.BCE {
			continue
		}
		checked++
		targets := &targeter{policy: augment.Policy{LabelSmoothing: c.Smoothing}, classes: file.Classes, weights: c.Weights}
		lambda := 1.0
		if c.Lambda != nil {
			lambda, targets.policy.Mixup = *c.Lambda, 1
		}
		targets.of([]int32{0, 1, 2, 0, 1}, 0.5) // its memory is used again
		got, loss := targets.of(c.Labels, lambda), 0.0
		for i, label := range c.Labels {
			logits := make([]float64, file.Classes)
			sum := 0.0
			for k := range logits {
				logits[k] = float64(c.Start["bias"][k])
				for j := range file.Width {
					logits[k] += float64(c.Start["weight"][k*file.Width+j]) * float64(c.Features[i*file.Width+j])
				}
				sum += math.Exp(logits[k])
			}
			each := math.Log(sum) - logits[label]
			if got.Labels == nil {
				each = 0
				for k, v := range logits {
					each += float64(got.Soft.Float32()[i*file.Classes+k]) * (math.Log(sum) - v)
				}
			}
			if got.Weights != nil {
				each *= float64(got.Weights[i])
			}
			loss += each / float64(len(c.Labels))
		}
		if want := c.Losses[0]; math.Abs(loss-want) > 1e-6 {
			t.Errorf("%s: loss %v, PyTorch's %v", c.Name, loss, want)
		}
	}
	if checked != 9 {
		t.Errorf("%d cases", checked)
	}
}

// weighted is a data set of three named classes with 5, 3 and 4 training images.
func weighted() *dataset {
	d := &dataset{classes: 3, classNames: []string{"cat", "dog", "a, b"}}
	for label, n := range []int{5, 3, 4} {
		d.items = append(d.items, slices.Repeat([]data.Item{{Label: label}}, n)...)
	}
	return d
}

// TestClassWeights: balanced weights are scikit-learn's (compute_class_weight("balanced") of version 1.9), and a file names every class
// once.
func TestClassWeights(t *testing.T) {
	got, err := weighted().classWeights(ClassWeightsBalanced)
	expect.NoError(t, err)
	if want := []float32{0.8, 4.0 / 3, 1}; !slices.Equal(got, want) {
		t.Errorf("balanced: %v, want %v", got, want)
	}
	none := weighted()
	none.classes, none.classNames = 5, nil
	_, err = none.classWeights(ClassWeightsBalanced)
	expect.Error(t, err, "--class-weights balanced is not possible: 2 of 5 classes have no training image: 3, 4")
	path := filepath.Join(t.TempDir(), "weights.csv")
	for _, c := range []struct {
		text, want string
	}{
		{"\ufeffclass,weight\r\ndog,2\r\n\"a, b\",0.5\r\ncat, 1e-1\r\n", ""},
		{"cat,0.1\ndog,2\n\"a, b\",.5", ""},
		{"cat,1\ndog,2\n", `weights.csv: 1 of 3 classes have no weight: a, b`},
		{"cat,1\ncow,2\n", `weights.csv: there is no class "cow" among cat, dog, a, b`},
		{"cat,1\ncat,2\n", `weights.csv: the class "cat" has two weights`},
		{"cat,0\n", `weights.csv: the weight of the class "cat" is "0", not a number above 0`},
		{"cat,NaN\n", `is "NaN", not a number above 0`},
		{"cat;1\n", `weights.csv: want lines CLASS,WEIGHT: `},
	} {
		expect.NoError(t, os.WriteFile(path, []byte(c.text), 0o666))
		got, err := weighted().classWeights(path)
		if c.want != "" {
			expect.Error(t, err, c.want)
		} else if want := []float32{0.1, 2, 0.5}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
	}
	if _, err := weighted().classWeights(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file is accepted")
	}
}

// TestLossResumed: a stopped run with weights, clipping, a moving average and a chosen epoch ends as one in one piece does. The average is
// what is looked at, evaluated and saved.
func TestLossResumed(t *testing.T) {
	c := selecting(t)
	c.Epochs, c.EMA, c.ClipGrad, c.ClassWeights, c.MicroBatch, c.Augment = 4, 0.6, 0.2, ClassWeightsBalanced, 3, "label-smoothing=0.1"
	whole, adapter := trainedBy(t, c, "whole")
	record, err := ReadRecord(whole.Config)
	expect.NoError(t, err)
	if record.EMA != 0.6 || record.ClipGrad != 0.2 || !slices.Equal(record.ClassWeights, []float32{1, 1, 1}) {
		t.Errorf("recorded: %+v", record)
	}
	for _, stop := range []int{3, 6} {
		rest := c
		rest.Out, rest.Resume = killed(t, c, stopAfter(stop)), true
		r, err := Run(context.Background(), rest, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
		expect.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(rest.Out, result.AdapterFile))
		expect.NoError(t, err)
		if !bytes.Equal(got, adapter) || !reflect.DeepEqual(r.Selection, whole.Selection) || !reflect.DeepEqual(r.Accuracy, whole.Accuracy) {
			t.Errorf("stopped after step %d: %+v, in one piece %+v", stop, r.Selection, whole.Selection)
		}
	}
	for name, change := range map[string]func(*Config){
		"--ema was 0.6 and is 0.5 now":       func(c *Config) { c.EMA = 0.5 },
		"--clip-grad was 0.2 and is 0 now":   func(c *Config) { c.ClipGrad = 0 },
		"--class-weights was [1 1 1] and is": func(c *Config) { c.ClassWeights = "" },
	} {
		other := c
		other.Out, other.Resume = filepath.Join(filepath.Dir(c.Data), "whole"), true
		change(&other)
		_, err := Run(context.Background(), other, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
		expect.Error(t, err, name)
	}
}

// TestAverageSaved: the adapter holds the averages of the checkpoint, which also holds the weights themselves. The accuracy at the end is
// that of the last look.
func TestAverageSaved(t *testing.T) {
	c := selecting(t)
	val, err := os.ReadFile(filepath.Join(c.Data, "val.txt"))
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "test.txt"), val, 0o666))
	c.Epochs, c.Select, c.EMA = 4, SelectLast, 0.95
	r, _ := trainedBy(t, c, "run")
	out := filepath.Join(filepath.Dir(c.Data), "run")
	a, err := result.ReadAdapter(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	state, err := checkpoint.NewStore(out).Newest()
	expect.NoError(t, err)
	for name, v := range a.Tensors {
		if !slices.Equal(v.Float32(), state.Tensors["ema/"+name].Float32()) || slices.Equal(v.Float32(), state.Tensors[name].Float32()) {
			t.Errorf("%s is not the average", name)
		}
	}
	if rows := strings.Fields(metricsOf(t, out)); strings.Split(rows[4], ",")[4] != fmt.Sprint(r.Accuracy.Top1) {
		t.Errorf("accuracy %v after %q", r.Accuracy.Top1, rows[4])
	}
}

// TestAverageNote: an average that has hardly begun is named.
func TestAverageNote(t *testing.T) {
	for steps, want := range map[int]string{
		10000: "--ema 0.999: the moving average of the weights is what is evaluated and saved",
		100: "--ema 0.999: the moving average of the weights is what is evaluated and saved; after the 100 steps of this run, 90 % of it will still be " +
			"the initial weights: a smaller decay, such as 0.93, forgets them",
	} {
		if got := (Config{EMA: 0.999}).averageNote(steps); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestSamplerResumed: a run that draws balanced epochs and is stopped within one ends as one in one piece does, from images and from
// stored values.
func TestSamplerResumed(t *testing.T) {
	for _, cache := range []string{FeatureCacheOff, "features"} {
		c := smallRun(t)
		list, err := os.ReadFile(filepath.Join(c.Data, "train.txt"))
		expect.NoError(t, err)
		lines := strings.SplitAfter(string(list), "\n") // one image of the last class
		expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "train.txt"), []byte(strings.Join(lines[:9], "")), 0o666))
		c.Sampler, c.Epochs, c.Batch = SamplerBalanced, 4, 2
		if cache != FeatureCacheOff {
			c.FeatureCache = filepath.Join(t.TempDir(), cache)
		}
		whole, adapter := trainedBy(t, c, "whole")
		if record, err := ReadRecord(whole.Config); err != nil || record.Sampler != SamplerBalanced || whole.Progress.Steps != 16 {
			t.Errorf("%+v, %+v, %v", record.Sampler, whole.Progress, err)
		}
		rest := c
		rest.Out, rest.Resume = killed(t, c, stopAfter(7)), true
		_, err = Run(context.Background(), rest, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
		expect.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(rest.Out, result.AdapterFile))
		expect.NoError(t, err)
		c.Sampler = SamplerUniform
		if _, uniform := trainedBy(t, c, "uniform"); !bytes.Equal(got, adapter) || bytes.Equal(got, uniform) {
			t.Errorf("cache %s: resumed as in one piece %v, as with the uniform sampler %v", cache, bytes.Equal(got, adapter), bytes.Equal(got, uniform))
		}
	}
}

// TestLossRefused: settings that contradict each other name their flags.
func TestLossRefused(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"--sampler balanced and --shuffle=false contradict each other":     func(c *Config) { c.Sampler, c.Shuffle = SamplerBalanced, false },
		"--sampler balanced and --class-weights balanced correct the same": func(c *Config) { c.Sampler, c.ClassWeights = SamplerBalanced, ClassWeightsBalanced },
		"--clip-grad -1 is not possible":                                   func(c *Config) { c.ClipGrad = -1 },
		"--ema 1 is not possible":                                          func(c *Config) { c.EMA = 1 },
	} {
		c := Default()
		change(&c)
		expect.Error(t, c.Check(), want)
	}
}
