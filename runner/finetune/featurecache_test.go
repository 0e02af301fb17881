package finetune

import (
	"bytes"
	"context"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/weight"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// deepRun is smallRun with DTL on a backbone of four blocks, long enough for a cache to pay, and with a cache of the test's own.
func deepRun(t *testing.T) Config {
	t.Helper()
	c := smallRun(t)
	arch, err := backbone.Parse("vit:image=8,patch=4,width=16,depth=4,heads=2,mlp=32")
	expect.NoError(t, err)
	bb, err := backbone.Random(arch, 5)
	expect.NoError(t, err)
	writeWeights(t, c.Path, bb)
	c.MethodConfig = runner.MethodConfig{Method: "dtl"}
	c.Epochs, c.Batch = 3, 5
	c.FeatureCache = filepath.Join(filepath.Dir(c.Out), "features")
	return c
}

func writeWeights(t *testing.T, path string, bb *backbone.Backbone) {
	t.Helper()
	var b bytes.Buffer
	expect.NoError(t, weight.WriteNPZ(&b, bb.Weights))
	expect.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
}

// outcome is what a run left.
type outcome struct {
	run    result.Run
	losses []float64 // mean of each epoch
	notes  string
}

// tuned runs to the end, into a folder of its own.
func tuned(t *testing.T, c Config) outcome {
	t.Helper()
	c.Out = filepath.Join(t.TempDir(), "run")
	stderr := new(bytes.Buffer)
	run, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: stderr, Version: "test"})
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	return outcome{run, losses(t, c.Out), stderr.String()}
}

// losses returns the loss column of metrics.csv in full precision.
func losses(t *testing.T, folder string) (list []float64) {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, result.MetricsFile))
	expect.NoError(t, err)
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	expect.NoError(t, err)
	column := slices.Index(lines[0], "loss")
	for _, line := range lines[1:] {
		loss, err := strconv.ParseFloat(line[column], 64)
		expect.NoError(t, err)
		list = append(list, loss)
	}
	return list
}

// apart is the largest relative difference of two lists.
func apart(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	most := 0.0
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i])/math.Abs(b[i]))
	}
	return most
}

// TestCacheEqual: losses and the trained adapter are those of a run without a cache, for methods with prefixes of every kind and
// with stochastic depth that spares the prefix; and the values are there for the next run, with another rate, seed and rank.
func TestCacheEqual(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
	}{
		{"dtl", func(*Config) {}},
		{"dtl+", func(c *Config) { c.Method, c.Options = "dtl+", dtl.Options{"feedback-from": "3"} }},
		{"linear", func(c *Config) { c.Method, c.Shuffle = "linear", false }},
		{"linear on the class token", func(c *Config) { c.MethodConfig = runner.MethodConfig{Method: "linear", Pool: "cls"} }},
		{"lst", func(c *Config) { c.Method = "lst" }},
		{"drop path in the suffix", func(c *Config) { c.DropPath, c.DropPathScope = 0.5, dtl.DropPathSuffix }},
	} {
		t.Run(c.name, func(t *testing.T) {
			with := deepRun(t)
			with.Seed = 3
			c.change(&with)
			without := with
			without.FeatureCache = FeatureCacheOff
			with.Out, without.Out = with.Out+"1", without.Out+"2"
			first := runInto(t, with)
			plain := runInto(t, without)
			if k := first.run.FeatureCache; k == nil || !k.Used || k.Found != 0 || k.Values == 0 || k.FirstPassSeconds <= 0 || k.Bytes == 0 || plain.run.FeatureCache != nil {
				t.Fatalf("cache %+v, without %+v", k, plain.run.FeatureCache)
			}
			if d := apart(first.losses, plain.losses); d > 1e-5 {
				t.Errorf("losses %v, without cache %v: %g apart", first.losses, plain.losses, d)
			}
			// LST has its own attention. Some of its gradients are nothing but rounding, and AdamW turns them into full steps.
			d := adaptersApart(t, with.Out, without.Out)
			t.Logf("losses %.1e apart, adapters %.1e", apart(first.losses, plain.losses), d)
			if d > 1e-5 && c.name != "lst" {
				t.Errorf("adapters are %g apart", d)
			}
			if first.run.Accuracy.Top1 != plain.run.Accuracy.Top1 {
				t.Errorf("accuracy %v, without cache %v", first.run.Accuracy.Top1, plain.run.Accuracy.Top1)
			}
			if c.name != "dtl" {
				return
			}
			with.Seed, with.LearningRate, with.Options = 8, 0.002, dtl.Options{"rank": "3"}
			if k := tuned(t, with).run.FeatureCache; !k.Used || k.FirstPassSeconds != 0 || k.Found != k.Values {
				t.Errorf("the second run found %+v", k)
			}
		})
	}
}

func runInto(t *testing.T, c Config) outcome {
	t.Helper()
	run, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.NoError(t, err)
	return outcome{run: run, losses: losses(t, c.Out)}
}

// adaptersApart is the largest difference of two trained adapters, each tensor relative to its largest number.
func adaptersApart(t *testing.T, a, b string) float64 {
	t.Helper()
	x, err := result.ReadAdapter(filepath.Join(a, result.AdapterFile))
	expect.NoError(t, err)
	y, err := result.ReadAdapter(filepath.Join(b, result.AdapterFile))
	expect.NoError(t, err)
	if len(x.Tensors) != len(y.Tensors) {
		t.Fatalf("%d and %d tensors", len(x.Tensors), len(y.Tensors))
	}
	most := 0.0
	for name, v := range y.Tensors {
		largest, difference := 0.0, 0.0
		for i, want := range v.Float32() {
			largest = max(largest, math.Abs(float64(want)))
			difference = max(difference, math.Abs(float64(want-x.Tensors[name].Float32()[i])))
		}
		if difference > 0 {
			most = max(most, difference/largest)
		}
	}
	return most
}

// TestCacheReal is TestCacheEqual for a real backbone and photographs: losses only, as AdamW makes steps of the rounding in
// gradients that are almost zero at the start.
func TestCacheReal(t *testing.T) {
	need.Heavy(t, "trains a pre-trained backbone on photographs")
	c := deepRun(t)
	c.Path = need.Shared(t, "backbones", "vit_tiny_patch16_224.npz")
	images := need.Shared(t, "vtab-1k", "eurosat")
	list, err := os.ReadFile(filepath.Join(images, "train800.txt"))
	expect.NoError(t, err)
	expect.NoError(t, os.Symlink(filepath.Join(images, "images"), filepath.Join(c.Data, "images")))
	expect.NoError(t, os.WriteFile(filepath.Join(c.Data, "train.txt"), []byte(strings.Join(strings.SplitAfter(string(list), "\n")[:64], "")), 0o666))
	expect.NoError(t, os.Remove(filepath.Join(c.Data, "test.txt")))
	c.Batch = 32
	with := tuned(t, c)
	c.FeatureCache = FeatureCacheOff
	without := tuned(t, c)
	if d := apart(with.losses, without.losses); d > 1e-5 || !with.run.FeatureCache.Used {
		t.Errorf("losses %v, without cache %v: %g apart", with.losses, without.losses, d)
	}
}

// TestCacheHalf: values stored in bfloat16 change the losses by less than half a percent, and do change them.
func TestCacheHalf(t *testing.T) {
	c := deepRun(t)
	full := tuned(t, c)
	c.CachePrecision = graph.BF16
	half := tuned(t, c)
	if d := apart(half.losses, full.losses); d == 0 || d > 5e-3 {
		t.Errorf("losses %v, with float32 %v: %g apart", half.losses, full.losses, d)
	}
	if a, b := half.run.FeatureCache, full.run.FeatureCache; 2*a.Bytes != b.Bytes || a.Found != 0 || a.Folder == b.Folder {
		t.Errorf("%+v, in float32 %+v", a, b)
	}
}
