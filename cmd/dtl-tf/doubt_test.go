package main

import (
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// TestNothingLearnt: a training whose rate is too small for float32 leaves the classifier as it starts, random. fine-tune says so, eval of
// one and of several adapters too, and run.json.
func TestNothingLearnt(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	const doubt = "the answers are right no more often than if all were "
	cli(t, "fine-tune", "--method", "linear", "--backbone", fixture.backbone, "--data", fixture.data, "--out", run, "--epochs", "1", "--batch", "8", "--lr", "1e-60").
		want(t, exitDone, "the training seems to have failed: "+doubt, "a smaller --lr (it was 1e-60)")
	record, err := result.ReadRun(filepath.Join(run, result.RunFile))
	expect.NoError(t, err)
	if got := record.Accuracy.Doubt; !strings.HasPrefix(got, doubt) {
		t.Errorf("run.json: doubt %q", got)
	}
	cli(t, "eval", "--backbone", fixture.backbone, "--adapter", run, "--data", fixture.data).want(t, exitDone, "seems to have learnt nothing about these images, or to be made for others: "+doubt)
	cli(t, "eval", "--backbone", fixture.backbone, "--adapter", "a="+run, "--adapter", "b="+run, "--data", fixture.data).
		want(t, exitDone, "the adapter a seems to have learnt nothing about these images, or to be made for others: "+doubt, "the adapter b seems to have learnt nothing")
}
