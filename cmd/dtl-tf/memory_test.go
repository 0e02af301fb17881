package main

import (
	"path/filepath"
	"testing"

	"dtl-tf/graph/need"
)

// TestMemoryBound: the largest resident size of a training process is within the need that --memory records, and not far below.
func TestMemoryBound(t *testing.T) {
	backbone, data := fixture.backbone, fixture.data
	var more []string
	if need.AllowsHeavy() {
		backbone, data = need.Shared(t, "backbones", "vit_tiny_patch16_224.npz"), need.Shared(t, "vtab-1k", "eurosat")
		more = []string{"--epochs", "1"}
	}
	for _, method := range []string{"dtl", "full"} {
		out := filepath.Join(t.TempDir(), "run")
		args := append([]string{"fine-tune", "--backbone", backbone, "--data", data, "--out", out, "--method", method, "--batch", "8", "--epochs", "3",
			"--feature-cache", "off", "--memory", "64GB", "--checkpoint-every", "1"}, more...)
		launch(t, wholeProgram, args...).end().want(t, exitDone, "memory: --recompute none takes ")
		run := readRun(t, out)
		bound, peak := run.Memory.Need.Total(), run.Measurements.PeakMemoryBytes
		t.Logf("%s: at most %d, the process took %d bytes, %.0f %%", method, bound, peak, 100*float64(peak)/float64(bound))
		if peak > bound || peak < bound*6/10 {
			t.Errorf("%s: the process took %d bytes, the bound is %d (%+v)", method, peak, bound, run.Memory.Need)
		}
	}
}
