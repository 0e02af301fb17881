package finetune

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/datatest"
)

// everything is a list in which every kind of augmentation takes part.
const everything = "crop=0.3-1,flip,randaugment,random-erasing=0.5,mixup=0.8,cutmix=1.0,label-smoothing=0.1"

// TestViewsStored: a run on stored views is the run on the same pictures without a cache, and later runs find the values.
func TestViewsStored(t *testing.T) {
	c := deepRun(t)
	c.Epochs, c.Views, c.Seed, c.Augment = 5, 2, 3, "crop,flip,randaugment,random-erasing=0.3,label-smoothing=0.1"
	without, fresh := c, c
	without.FeatureCache = FeatureCacheOff
	fresh.FeatureCache, fresh.Views = FeatureCacheOff, 0
	with, plain, other := tuned(t, c), tuned(t, without), tuned(t, fresh)
	k := with.run.FeatureCache
	if k == nil || !k.Used || k.Views != 2 || k.Found != 0 {
		t.Fatalf("cache %+v", k)
	}
	for _, text := range []string{"2 views of each of 12 images", "feature cache: 24 images x"} {
		if !strings.Contains(with.notes, text) {
			t.Errorf("the notes lack %q: %s", text, with.notes)
		}
	}
	if d := apart(with.losses, plain.losses); d > 1e-5 {
		t.Errorf("losses %v, without cache %v: %g apart", with.losses, plain.losses, d)
	}
	if apart(with.losses[:2], other.losses[:2]) > 1e-5 || apart(with.losses, other.losses) < 1e-4 {
		t.Errorf("losses %v, with fresh pictures %v: want the same in the first two epochs only", with.losses, other.losses)
	}
	var config Record
	expect.NoError(t, json.Unmarshal(with.run.Config, &config))
	if config.Views != 2 || !strings.HasPrefix(config.Augment, "crop=0.08-1:0.75-1.3333333333333333,flip=0.5,rand-m9-n2-p0.5-mstd0.5-inc1,") {
		t.Errorf("recorded: %d views, %s", config.Views, config.Augment)
	}
	again := c
	again.LearningRate, again.Augment = 0.002, "crop,flip,randaugment,random-erasing=0.3" // smoothing labels changes no picture
	if k := tuned(t, again).run.FeatureCache; !k.Used || k.Found != k.Values {
		t.Errorf("the second run found %+v", k)
	}
	for name, change := range map[string]func(*Config){
		"seed": func(c *Config) { c.Seed = 4 }, "augmentation": func(c *Config) { c.Augment = "flip" }, "views": func(c *Config) { c.Views = 3 },
	} {
		changed := c
		change(&changed)
		if k := tuned(t, changed).run.FeatureCache; k.Found != 0 {
			t.Errorf("another %s found the values of the old one", name)
		}
	}
}

// TestViewsTooShort: writing the values of the views must pay.
func TestViewsTooShort(t *testing.T) {
	c := deepRun(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	c.FeatureCache, c.Augment, c.Views, c.Epochs = FeatureCacheAuto, "flip", 3, 4
	if got := tuned(t, c); got.run.FeatureCache.Used || !strings.Contains(got.notes, "run of less than 5 epochs") {
		t.Errorf("%+v, notes %s", got.run.FeatureCache, got.notes)
	}
	if c.Epochs = 5; !tuned(t, c).run.FeatureCache.Used {
		t.Error("the cache is not used in 5 epochs of 3 views")
	}
}

// TestMixedNotStored: what mixes a batch has no values to store, and says why; label smoothing alone has.
func TestMixedNotStored(t *testing.T) {
	c := deepRun(t)
	c.Augment = "mixup=0.2"
	_, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, "--feature-cache: --augment mixup=0.2 mixes other images in every batch")
	c.Augment = "label-smoothing=0.1"
	without := c
	without.FeatureCache = FeatureCacheOff
	with := tuned(t, c)
	if d := apart(with.losses, tuned(t, without).losses); !with.run.FeatureCache.Used || d > 1e-5 {
		t.Errorf("%+v, losses %g apart", with.run.FeatureCache, d)
	}
}

// TestEverythingTrains: all augmentations together, also in micro-batches, which give the same losses.
func TestEverythingTrains(t *testing.T) {
	c := smallRun(t)
	c.Augment, c.Epochs = everything, 4
	whole := tuned(t, c)
	c.MicroBatch = 3
	if d := apart(whole.losses, tuned(t, c).losses); d > 1e-5 {
		t.Errorf("losses in micro-batches are %g apart", d)
	}
	c.MicroBatch, c.Augment = 0, "none"
	if apart(whole.losses, tuned(t, c).losses) < 1e-3 {
		t.Error("augmentation does not change the losses")
	}
}

// TestFewerImagesThanBatch: they are one batch, which run.json records.
func TestFewerImagesThanBatch(t *testing.T) {
	c := smallRun(t)
	c.Batch = 32
	got := tuned(t, c)
	var config Record
	expect.NoError(t, json.Unmarshal(got.run.Config, &config))
	if got.run.Progress.Steps != 2 || config.Batch != 12 || !strings.Contains(got.notes, "--batch 32: there are 12 images, which are one batch") {
		t.Errorf("%d steps in batches of %d, notes %s", got.run.Progress.Steps, config.Batch, got.notes)
	}
	c.Batch, c.MicroBatch, c.Out = 32, 8, c.Out+"2"
	_, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, "--micro-batch 8 is not possible: --batch is 12")
}

// TestTestTransform: the accuracy is that of the centre of the test images, whose borders are of another class.
func TestTestTransform(t *testing.T) {
	c := smallRun(t)
	c.Epochs, c.LearningRate, c.Method = 30, 0.05, "linear"
	framed := filepath.Join(t.TempDir(), "framed")
	datatest.Framed(t, framed, 40)
	plain := tuned(t, c)
	c.Data = framed
	around := tuned(t, c)
	c.TestResize = 40
	centre := tuned(t, c)
	if a := plain.run.Accuracy; a.Top1 != 100 || a.Resize != 0 || a.Crop != 0 {
		t.Fatalf("without frames: %+v", a)
	}
	if a := centre.run.Accuracy; a.Top1 != 100 || a.Resize != 40 || a.Crop != 8 {
		t.Errorf("the centres: %+v", a)
	}
	if around.run.Accuracy.Top1 == 100 {
		t.Error("the frames don't matter, so the test is void")
	}
}
