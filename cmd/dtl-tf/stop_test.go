package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/runner/result"
)

// TestInterrupted stops a run after its first epoch, resumes it, stops it again after the second, and resumes it to its end. The
// result is that of an uninterrupted run, bit for bit.
func TestInterrupted(t *testing.T) {
	flags := []string{"--method", "dtl+", "--drop-path", "0.3", "--augment", "flip-crop", "--checkpoint-every", "1", "--epochs", "4"}
	whole := trained(t, flags...)
	out := filepath.Join(t.TempDir(), "run")
	args := tune(out, flags...)
	for i, text := range []string{"epoch 1/4", "epoch 2/4"} {
		o := cliUntil(t, text, args...)
		o.want(t, exitInterrupted, "interrupted in epoch", out, "--resume")
		if o.out != "" {
			t.Errorf("stdout: %s", o.out)
		}
		r := readRun(t, out)
		if r.Status != result.Interrupted || r.Error == "" || r.Progress != (result.Progress{Epochs: i + 1, Steps: 3 * (i + 1)}) || r.Accuracy != nil {
			t.Errorf("run.json: %s after %+v, error %q", r.Status, r.Progress, r.Error)
		}
		args = append(tune(out, flags...), "--resume")
	}
	cli(t, evalArgs(filepath.Join(out, result.AdapterFile))...).want(t, exitDone) // the work so far is usable
	half := write(t, filepath.Join(out, ".adapter.safetensors.tmp-123"), nil)     // a killed run leaves such a file
	cli(t, args...).want(t, exitDone, "resuming after epoch 2", "epoch 4/4")
	if _, err := os.Stat(half); err == nil {
		t.Errorf("%s is still there", half)
	}
	if !bytes.Equal(read(t, out, result.AdapterFile), read(t, whole, result.AdapterFile)) {
		t.Error("the adapter differs from that of a run that was not interrupted")
	}
	if got, want := losses(t, out), losses(t, whole); !reflect.DeepEqual(got, want) {
		t.Errorf("losses %v, want %v", got, want)
	}
	a, b := readRun(t, out), readRun(t, whole)
	if a.Status != result.Finished || a.Accuracy.Top1 != b.Accuracy.Top1 || a.Progress != b.Progress {
		t.Errorf("resumed: %s, %+v after %+v; whole: %+v after %+v", a.Status, *a.Accuracy, a.Progress, *b.Accuracy, b.Progress)
	}
}

// TestInterruptedFull does the same with a trainable backbone.
func TestInterruptedFull(t *testing.T) {
	flags := []string{"--method", "full", "--checkpoint-every", "1", "--lr", "0.001"}
	whole := trained(t, flags...)
	out := filepath.Join(t.TempDir(), "run")
	cliUntil(t, "epoch 1/3", tune(out, flags...)...).want(t, exitInterrupted)
	cli(t, append(tune(out, flags...), "--resume")...).want(t, exitDone)
	for _, name := range []string{result.AdapterFile, "backbone.npz", "backbone.json"} {
		if !bytes.Equal(read(t, out, name), read(t, whole, name)) {
			t.Errorf("%s differs from that of a run that was not interrupted", name)
		}
	}
}

// TestInterruptedElsewhere stops a run before the first epoch, and during the evaluation.
func TestInterruptedElsewhere(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	// Several steps an epoch, which take long enough for the signal to arrive in the first epoch.
	p := launch(t, wholeProgram, tune(out, "--init", "random", "--backbone", "vit:image=96,patch=4,width=192,depth=8,heads=3,mlp=768", "--method", "full", "--batch", "4")...)
	p.until(func() bool { return exists(out, result.RunFile) })
	p.send(syscall.SIGINT)
	o := p.end()
	o.want(t, exitInterrupted, "interrupted in epoch 1")
	if written := checkpoints(t, out); (written != nil) != strings.Contains(o.err, "--resume") {
		t.Errorf("with the checkpoints %v it says: %s", written, o.err)
	}
	if r := readRun(t, out); r.Status != result.Interrupted || r.Progress.Epochs != 0 {
		t.Errorf("run.json: %s after %+v", r.Status, r.Progress)
	}

	out = filepath.Join(t.TempDir(), "run")
	cliUntil(t, "epoch 3/3", tune(out)...).want(t, exitInterrupted, "interrupted", "evaluation", out)
	r := readRun(t, out)
	if r.Status != result.Interrupted || r.Progress.Epochs != 3 || r.Accuracy != nil {
		t.Errorf("run.json: %s after %+v", r.Status, r.Progress)
	}
	if !bytes.Equal(read(t, out, result.AdapterFile), read(t, dtlRun(t), result.AdapterFile)) {
		t.Error("the adapter is not that of a whole run")
	}
}
