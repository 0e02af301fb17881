package finetune

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/weight"
	"dtl-tf/runner"
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
	return Config{
		Data: data, Out: filepath.Join(dir, "run"), Backbone: runner.BackboneConfig{Path: filepath.Join(dir, "tiny.npz")},
		Init: InitPretrained, Method: runner.MethodConfig{Method: "linear"}, Epochs: 2, Batch: 6, LearningRate: 0.01, Schedule: "cosine",
		Shuffle: true, Augment: AugmentNone, Seed: 1, Recompute: RecomputeNone, Precision: FP32, CacheMiB: 1, CheckpointEvery: 1,
	}
}
