package main

import (
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/runner/result"
)

// TestMerge: a merged backbone with its own head gives the logits of the plain backbone with the adapter.
func TestMerge(t *testing.T) {
	for _, method := range []string{"lora", "ssf", "bitfit"} {
		adapter := filepath.Join(trained(t, "--method", method), result.AdapterFile)
		merged := filepath.Join(t.TempDir(), "merged.npz")
		args := []string{"merge", "--backbone", fixture.backbone, "--adapter", adapter, "--out", merged}
		cli(t, args...).want(t, exitDone)
		images := testImages(t)
		sameLogits(t,
			predictions(t, append([]string{"predict", "--backbone", merged}, images...)...),
			predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", adapter}, images...)...), 1e-4)
		cli(t, args...).want(t, exitFailed, merged, "--overwrite")
		args[4] = filepath.Dir(adapter) // the folder of the run
		cli(t, append(args, "--overwrite")...).want(t, exitDone)
	}
}

func TestMergeRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "merged.npz")
	adapter := filepath.Join(dtlRun(t), result.AdapterFile)
	base := []string{"merge", "--backbone", fixture.backbone}
	cli(t, append(base, "--adapter", adapter, "--out", out)...).want(t, exitUsage, "dtl", "lora", "ssf")
	cli(t, append(base, "--adapter", adapter, "--out", out+".pt")...).want(t, exitUsage, ".npz")
	cli(t, append(base, "--out", out)...).want(t, exitUsage, "--adapter")
	cli(t, append(base, "--adapter", out, "--out", out)...).want(t, exitFailed, out)
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was written", out)
	}
}
