package finetune

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/internal/datatest"
)

// tiny is an architecture on which a whole run takes a fraction of a second.
const tiny = "vit:image=8,patch=4,width=16,depth=1,heads=2,mlp=32"

// smallRun is the configuration of a run of two epochs on twelve images of three colours, from files in a fresh folder.
func smallRun(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	arch, err := backbone.Parse(tiny)
	expect.NoError(t, err)
	bb, err := backbone.Random(arch, 1)
	expect.NoError(t, err)
	var b bytes.Buffer
	expect.NoError(t, weight.WriteNPZ(&b, bb.Weights))
	expect.NoError(t, os.WriteFile(filepath.Join(dir, "tiny.npz"), b.Bytes(), 0o666))
	data := filepath.Join(dir, "data")
	datatest.Colours(t, data)
	c := Default()
	c.Data, c.Out, c.Path = data, filepath.Join(dir, "run"), filepath.Join(dir, "tiny.npz")
	c.Method, c.Epochs, c.Batch, c.LearningRate, c.WeightDecay, c.Seed = "linear", 2, 6, 0.01, 0, 1
	c.Recompute, c.CacheMiB, c.CheckpointEvery, c.FeatureCache = graph.RecomputeNone, 1, 1, FeatureCacheOff
	return c
}
