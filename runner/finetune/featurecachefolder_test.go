package finetune

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/datatest"
	"dtl-tf/runner/result"
)

// TestCacheStale: other pixels, weights or preprocessing never find the values of the old ones; other labels and names do.
func TestCacheStale(t *testing.T) {
	c := deepRun(t)
	tuned(t, c)
	fresh := func(what string, c Config) {
		t.Helper()
		if k := tuned(t, c).run.FeatureCache; !k.Used || k.Found != 0 {
			t.Errorf("another %s: %+v", what, k)
		}
	}
	mean := c
	mean.Mean = &[3]float64{0.4, 0.5, 0.5}
	fresh("mean", mean)
	size := c
	size.ImageSize = 12
	fresh("size", size)
	precision := c
	precision.Precision = graph.BF16
	fresh("precision", precision)

	weights := c
	weights.Path = filepath.Join(t.TempDir(), "other.npz")
	arch, err := backbone.Parse("vit:image=8,patch=4,width=16,depth=4,heads=2,mlp=32")
	expect.NoError(t, err)
	bb, err := backbone.Random(arch, 6)
	expect.NoError(t, err)
	writeWeights(t, weights.Path, bb)
	fresh("backbone", weights)

	list := filepath.Join(c.Data, "train.txt")
	old, err := os.ReadFile(list)
	expect.NoError(t, err)
	labels := strings.Replace(string(old), "03.png 0", "03.png 1", 1)
	lines := strings.SplitAfter(labels, "\n")
	expect.NoError(t, os.WriteFile(list, []byte(strings.Join(append(lines[5:], lines[:5]...), "")), 0o666))
	if k := tuned(t, c).run.FeatureCache; k.Found != k.Values {
		t.Errorf("other labels in another order: %+v", k)
	}
	datatest.Image(t, filepath.Join(c.Data, "07.png"), 77, 7)
	fresh("image", c)
}

// TestCacheDamaged: a flipped byte is noticed and the values are computed anew, with the right result.
func TestCacheDamaged(t *testing.T) {
	c := deepRun(t)
	first := tuned(t, c)
	files, err := filepath.Glob(filepath.Join(first.run.FeatureCache.Folder, "x_*.fp32"))
	expect.NoError(t, err)
	b, err := os.ReadFile(files[0])
	expect.NoError(t, err)
	b[len(b)/2] ^= 0x40
	expect.NoError(t, os.WriteFile(files[0], b, 0o666))
	second := tuned(t, c)
	if k := second.run.FeatureCache; !strings.Contains(second.notes, files[0]+" is not used: its checksum") || k.Found != k.Values-1 {
		t.Errorf("%+v\n%s", k, second.notes)
	}
	if d := apart(second.losses, first.losses); d > 0 {
		t.Errorf("losses %v, before %v", second.losses, first.losses)
	}
	if third := tuned(t, c); third.run.FeatureCache.Found != third.run.FeatureCache.Values {
		t.Errorf("%+v", third.run.FeatureCache)
	}
}

// TestCacheBadImage: images that can't be read are treated as without a cache, when it is written and when it is found.
func TestCacheBadImage(t *testing.T) {
	c := deepRun(t)
	bad := filepath.Join(c.Data, "04.png")
	expect.NoError(t, os.WriteFile(bad, []byte("no image"), 0o666))
	c.Out = filepath.Join(t.TempDir(), "run")
	_, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.Error(t, err, bad, "not an image")
	if left, _ := filepath.Glob(filepath.Join(c.FeatureCache, "*", "*")); left != nil {
		t.Errorf("left: %v", left)
	}
	without := c
	without.FeatureCache, without.SkipBadImages, c.SkipBadImages = FeatureCacheOff, true, true
	want := tuned(t, without)
	for range 2 {
		got := tuned(t, c)
		if d := apart(got.losses, want.losses); d > 1e-5 || got.run.Data.Skipped != want.run.Data.Skipped || got.run.Progress != want.run.Progress {
			t.Errorf("losses %v, %d skipped, %+v; want %v, %d, %+v", got.losses, got.run.Data.Skipped, got.run.Progress, want.losses, want.run.Data.Skipped, want.run.Progress)
		}
		if n := strings.Count(got.notes, bad); n < 1 {
			t.Errorf("the image is named %d times: %s", n, got.notes)
		}
	}
	c.SkipBadImages = false
	_, err = Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Version: "test"})
	expect.Error(t, err, bad, "not an image")
}

// TestCacheAuto: auto goes without where a cache is impossible or does not pay, and says so in one line; a folder that the user
// named is an error then.
func TestCacheAuto(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	expect.NoError(t, os.WriteFile(file, nil, 0o666))
	for _, c := range []struct {
		name, said, refused string // refused: the error with a folder, "" for none
		change              func(*Config)
	}{
		{"augmentation", "--augment flip-crop makes other images in every epoch", "--augment", func(c *Config) { c.Augment = data.AugmentFlipCrop }},
		{"drop path", "--drop-path-scope suffix", "--drop-path 0.2", func(c *Config) { c.DropPath = 0.2 }},
		{"lora", "", "method lora changes the backbone", func(c *Config) { c.Method = "lora" }},
		{"short", "less than 3 epochs", "", func(c *Config) { c.Epochs = 2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := deepRun(t)
			dir := config.FeatureCache
			c.change(&config)
			t.Setenv("XDG_CACHE_HOME", dir)
			config.FeatureCache = FeatureCacheAuto
			o := tuned(t, config)
			if k := o.run.FeatureCache; k == nil || k.Used || k.Reason == "" {
				t.Errorf("%+v", k)
			}
			if n := strings.Count(o.notes, "feature cache"); c.said != "" && (n != 1 || !strings.Contains(o.notes, "feature cache: not used: ") || !strings.Contains(o.notes, c.said)) || c.said == "" && n != 0 {
				t.Errorf("said: %s", o.notes)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "dtl-tf", "features", "*")); left != nil {
				t.Errorf("left: %v", left)
			}
			config.FeatureCache = dir
			if c.refused == "" {
				if !tuned(t, config).run.FeatureCache.Used {
					t.Error("the folder is not used")
				}
				return
			}
			_, err := Run(context.Background(), config, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
			expect.Error(t, err, "--feature-cache", c.refused)
			var usage *runner.UsageError
			if !errors.As(err, &usage) {
				t.Errorf("%v is no UsageError", err)
			}
			if c.name == "lora" { // in a benchmark of several methods
				config.SeveralMethods = true
				if o := tuned(t, config); o.run.FeatureCache.Used || !strings.Contains(o.notes, "feature cache: not used: nothing to store") {
					t.Errorf("used: %+v, said: %s", o.run.FeatureCache, o.notes)
				}
			}
		})
	}
	c := deepRun(t)
	t.Setenv("XDG_CACHE_HOME", file)
	c.FeatureCache = FeatureCacheAuto
	if o := tuned(t, c); !strings.Contains(o.notes, "feature cache: not used: "+file) || !strings.Contains(o.notes, "a part of this path is a file") {
		t.Errorf("said: %s", o.notes)
	}
	c.FeatureCache = file
	_, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, "--feature-cache", file, "is a file")
}

// TestCacheInterrupted: Ctrl-C while values are stored leaves neither them nor a run.
func TestCacheInterrupted(t *testing.T) {
	c := deepRun(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stderr := &trigger{text: "feature cache: 12 images", pull: cancel}
	_, err := Run(ctx, c, runner.UI{Out: new(bytes.Buffer), Err: stderr, Version: "test"})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted while the feature cache was written") {
		t.Errorf("%v", err)
	}
	for _, dir := range []string{c.Out, filepath.Join(c.FeatureCache, "*")} {
		if left, _ := filepath.Glob(dir); left != nil {
			t.Errorf("left: %v", left)
		}
	}
}

// TestCacheFails: if the store fails during the first pass, auto trains on images with the same result, and run.json says so; a
// folder that the user named is an error.
func TestCacheFails(t *testing.T) {
	c := deepRun(t)
	c.Out = filepath.Join(t.TempDir(), "run")
	without := c
	without.FeatureCache = FeatureCacheOff
	want := tuned(t, without)
	dir := c.FeatureCache
	t.Setenv("XDG_CACHE_HOME", dir)
	c.FeatureCache = FeatureCacheAuto
	lose := func() { expect.NoError(t, os.RemoveAll(dir)) }
	stderr := &trigger{text: "feature cache: 12 images", pull: lose}
	run, err := Run(t.Context(), c, runner.UI{Out: new(bytes.Buffer), Err: stderr, Version: "test"})
	expect.NoError(t, err)
	if k := run.FeatureCache; k.Used || k.Reason == "" || !strings.Contains(string(run.Config), `"feature_cache":"off"`) || run.Status != result.Finished {
		t.Errorf("%s, %+v, %s", run.Status, k, run.Config)
	}
	if got := losses(t, c.Out); apart(got, want.losses) > 0 {
		t.Errorf("losses %v, without cache %v", got, want.losses)
	}
	c.Out, c.FeatureCache = c.Out+"2", dir
	_, err = Run(t.Context(), c, runner.UI{Out: new(bytes.Buffer), Err: stderr, Version: "test"})
	expect.Error(t, err, "--feature-cache", dir)
}

// trigger calls pull when a text is written.
type trigger struct {
	text string
	pull func()
}

func (t *trigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), t.text) {
		t.pull()
	}
	return len(p), nil
}
