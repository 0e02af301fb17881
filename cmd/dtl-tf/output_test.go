package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

// TestOutputRefused: the contents of the output folder are replaced only if the user says so.
func TestOutputRefused(t *testing.T) {
	out := trained(t, "--method", "linear", "--epochs", "1")
	before := snapshot(t, out)
	file := write(t, filepath.Join(t.TempDir(), "file"), nil)
	empty := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"exists", tune(out), []string{out, "--overwrite", "--resume"}},
		{"exists and is empty", tune(empty), []string{empty, "--overwrite"}},
		{"is a file", tune(file), []string{file, "is a file"}},
		{"is a file, overwrite", tune(file, "--overwrite"), []string{file, "is a file"}},
		{"is under a file", tune(filepath.Join(file, "run")), []string{file, "a file, not a folder"}},
		{"nothing to resume", tune(filepath.Join(empty, "gone"), "--resume"), []string{"gone", "no run to resume"}},
		{"no run to resume", tune(empty, "--resume"), []string{empty, "no run to resume"}},
		{"overwriting with a missing backbone", tune(out, "--overwrite", "--backbone", "gone.npz"), []string{"gone.npz"}},
		{"overwriting with missing data", tune(out, "--overwrite", "--data", "gone"), []string{"gone"}},
		{"overwriting its own input", tune(out, "--overwrite", "--method", "linear", "--init-adapter", filepath.Join(out, "adapter.safetensors")), []string{"adapter.safetensors", "--overwrite would remove"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cli(t, c.args...).want(t, exitFailed, c.want...)
		})
	}
	if after := snapshot(t, out); after != before {
		t.Errorf("the run that was there has changed:\n%s\nbefore:\n%s", after, before)
	}
	cli(t, tune(out, "--overwrite", "--method", "linear", "--epochs", "1", "--seed", "7")...).want(t, exitDone)
	if snapshot(t, out) == before {
		t.Error("--overwrite changed nothing")
	}
}

// snapshot returns the names and contents of a folder's files.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	expect.NoError(t, err)
	var b strings.Builder
	for _, e := range entries {
		b.WriteString(e.Name() + "\n")
		b.Write(read(t, dir, e.Name()))
	}
	return b.String()
}

// TestTwoRuns: a folder accepts no second run while one is writing into it.
func TestTwoRuns(t *testing.T) {
	out := trained(t, "--method", "linear", "--epochs", "1")
	folder, err := result.OpenFolder(out, result.Overwrite)
	expect.NoError(t, err)
	for _, flag := range []string{"--overwrite", "--resume"} {
		cli(t, tune(out, "--method", "linear", flag)...).want(t, exitFailed, out, "another run is writing")
	}
	folder.Close()
	cli(t, tune(out, "--method", "linear", "--epochs", "1", "--overwrite")...).want(t, exitDone)
}

// TestReadOnlyFolder: an unwritable output folder is detected before training.
func TestReadOnlyFolder(t *testing.T) {
	if !need.Permissions(t) {
		return
	}
	dir := t.TempDir()
	expect.NoError(t, os.Chmod(dir, 0o555))
	cli(t, tune(filepath.Join(dir, "run"))...).want(t, exitFailed, dir, "not writable")
}

// TestFullDisk: if a file can't be written, the old one stays and run.json records the failure. A limit on the size of files
// simulates the full disk. It applies to a whole process, so the run is a separate one.
func TestFullDisk(t *testing.T) {
	const file = "backbone.npz"
	flags := []string{"--method", "full", "--checkpoint-every", "0"}
	out := trained(t, flags...)
	old := read(t, out, file)
	if len(old) < 10<<10 {
		t.Fatalf("%s has only %d bytes", file, len(old))
	}
	expect.NoError(t, os.Remove(filepath.Join(out, result.AdapterFile))) // otherwise the run would count as finished
	args := append(tune(out, flags...), "--resume")
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), childVariable+"=8192", "TMPDIR="+t.TempDir())
	var stderr bytes.Buffer
	c.Stderr = &stderr
	err := c.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	outcome{exit.ExitCode(), "", stderr.String()}.want(t, exitFailed, filepath.Join(out, file), "old state is kept", "file too large")
	if !bytes.Equal(read(t, out, file), old) {
		t.Errorf("the %s that was there has changed", file)
	}
	if r := readRun(t, out); r.Status != result.Failed || !strings.Contains(r.Error, "file too large") {
		t.Errorf("run.json: %s, %q", r.Status, r.Error)
	}
	if entries, _ := filepath.Glob(filepath.Join(out, ".*")); entries != nil {
		t.Errorf("left behind: %v", entries)
	}
}

// TestOverflowed: if the last step leaves weights with which the test images overflow, the training is blamed and not the files.
func TestOverflowed(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	o := cli(t, tune(out, "--lr", "1000", "--schedule", "constant", "--epochs", "1", "--batch", "24", "--method", "dtl+", "--precision", "fp16")...)
	o.want(t, exitFailed, "training diverged: image ", "its logit of class ", "try a smaller learning rate than 1000, or fp32")
	if strings.Contains(o.err, "damaged") {
		t.Errorf("stderr: %s", o.err)
	}
	if r := readRun(t, out); r.Status != result.Failed || !strings.Contains(r.Error, "training diverged") {
		t.Errorf("run.json: %s, %q", r.Status, r.Error)
	}
}

// TestDiverged: a loss of NaN stops the run, which names the step and saves the last good state.
func TestDiverged(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--lr", "1000", "--weight-decay", "1000", "--schedule", "constant", "--epochs", "20")...).
		want(t, exitFailed, "the loss became", "step ", "smaller learning rate")
	r := readRun(t, out)
	if r.Status != result.Failed || !strings.Contains(r.Error, "the loss became") || r.Progress.Epochs < 1 {
		t.Errorf("run.json: %s after %d epochs: %q", r.Status, r.Progress.Epochs, r.Error)
	}
	f, err := weight.Open(filepath.Join(out, result.AdapterFile))
	expect.NoError(t, err)
	expect.NoError(t, f.CheckFinite(t.Context()))
	if rows := metrics(t, out); len(rows) < r.Progress.Epochs {
		t.Errorf("metrics.csv has %d lines for %d epochs", len(rows), r.Progress.Epochs)
	}
}
