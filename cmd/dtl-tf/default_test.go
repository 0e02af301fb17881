package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// TestOnlyData: --data alone is enough. The run names its folder, sets test images aside, takes the epochs for own data, and ends with
// a command that works as it is printed.
func TestOnlyData(t *testing.T) {
	home := t.TempDir()
	folders(t, filepath.Join(home, "my photos"), "", 8, spices)
	backbone := filepath.Join(home, "b.npz")
	expect.NoError(t, os.Symlink(fixture.backbone, backbone))
	in := func(args ...string) outcome {
		c := exec.Command(os.Args[0], args...)
		c.Dir = home
		return begin(t, wholeProgram, c).end()
	}
	args := []string{"fine-tune", "--data", "my photos", "--backbone", "b.npz", "--batch", "4"}
	o := in(args...)
	o.want(t, exitDone, "--out runs/my photos", "--epochs 25: ", "--test 0.15: there are no test images", "train 21, test 3",
		"--lr 0.01: good in 125 steps", "--drop-path 0.1 --drop-path-scope suffix: ")
	r := readRun(t, filepath.Join(home, "runs", "my photos"))
	if r.Progress.Epochs != 25 || r.Accuracy.Images != 3 || r.Data.Split.Test != 0.15 {
		t.Errorf("run.json: %+v, %+v, %+v", r.Progress, r.Accuracy, r.Data.Split)
	}
	_, command, found := strings.Cut(o.out, "Use it: dtl-tf predict ")
	if !found || !strings.HasPrefix(command, "--backbone b.npz --adapter 'runs/my photos/adapter.safetensors' PICTURE...\n") {
		t.Fatalf("the run ends with %q", o.out)
	}
	pictures, err := filepath.Glob(filepath.Join(home, "my photos", "*", "*.png"))
	expect.NoError(t, err)
	in("predict", "--backbone", "b.npz", "--adapter", "runs/my photos/adapter.safetensors", pictures[0]).want(t, exitDone)

	if c := settings(t, r); c["lr"] != 0.01 || c["drop_path"] != 0.1 || c["drop_path_scope"] != "suffix" {
		t.Errorf("run.json: %v", c)
	}
	in(append(args, "--resume")...).want(t, exitDone, "--out runs/my photos", "is finished")
	in(append(args, "--epochs", "1")...).want(t, exitDone, "--out runs/my photos-2", "--lr 0.01: good in 5 steps", "--drop-path 0.1 ")
	in(append(args, "--epochs", "1", "--resume")...).want(t, exitDone, "--out runs/my photos-2", "is finished")
	in(append(args, "--epochs", "2", "--overwrite", "--test", "0")...).want(t, exitDone, "--out runs/my photos-2", "no test split")
	if exists(filepath.Join(home, "runs"), "my photos-3") {
		t.Error("--overwrite made another folder")
	}
	in("fine-tune", "--data", "my photos", "--backbone", "b.npz", "--batch", "4", "--views", "30", "--augment", "flip", "--feature-cache", "off",
		"--lr", "0.01", "--drop-path", "0").want(t, exitDone, "--epochs 30: ")
	if c := settings(t, readRun(t, filepath.Join(home, "runs", "my photos-3"))); c["lr"] != 0.01 || c["drop_path"] != 0.0 {
		t.Errorf("run.json: %v", c)
	}
}

// settings is the resolved configuration that a run recorded.
func settings(t *testing.T, r result.Run) map[string]any {
	t.Helper()
	var config map[string]any
	expect.NoError(t, json.Unmarshal(r.Config, &config))
	return config
}

// TestTooFewToTest: a class with one image is no reason to refuse a run whose user did not ask for test images.
func TestTooFewToTest(t *testing.T) {
	root := folders(t, t.TempDir(), "", 8, spices)
	folders(t, root, "", 1, map[string]int{"rare": 2})
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--data", root, "--epochs", "1")...).want(t, exitDone, "no test images are set aside: 1 of 4 classes have fewer than 2 different images", "no test split")
	if r := readRun(t, out); r.Data.Split != nil || exists(out, result.SplitFile) || r.Accuracy != nil {
		t.Errorf("run.json: %+v", r.Data.Split)
	}
	cli(t, tune(filepath.Join(t.TempDir(), "run"), "--data", root, "--epochs", "1", "--test", "0.2")...).want(t, exitUsage, "1 of 4 classes")
	// Lists without a test split stay as they are, with the published number of epochs.
	lists := newData(t, map[string]int{"train": 8})
	out = filepath.Join(t.TempDir(), "run")
	cli(t, "fine-tune", "--backbone", fixture.backbone, "--data", lists, "--out", out, "--batch", "8", "--method", "linear").want(t, exitDone, "no test split")
	if r := readRun(t, out); r.Progress.Epochs != 110 {
		t.Errorf("%d epochs", r.Progress.Epochs)
	}
}
