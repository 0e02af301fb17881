package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// readRun reads the run.json of a folder.
func readRun(t *testing.T, out string) result.Run {
	t.Helper()
	r, err := result.ReadRun(out)
	expect.NoError(t, err)
	return r
}

// TestDataRefused: mistakes in a data set are reported with list and line, before anything is written.
func TestDataRefused(t *testing.T) {
	const list = "train800val200.txt"
	lines := func(text string) func(root string) error {
		return func(root string) error { return os.WriteFile(filepath.Join(root, list), []byte(text), 0o666) }
	}
	const first = "images/test_00.png 0\n"
	for _, c := range []struct {
		name string
		make func(root string) error
		want []string
	}{
		{"missing", os.RemoveAll, nil},
		{"a file", func(root string) error {
			return joined(os.RemoveAll(root), os.WriteFile(root, nil, 0o666))
		}, []string{"is a file"}},
		{"nothing in it", func(root string) error { return joined(os.RemoveAll(root), os.Mkdir(root, 0o777)) }, []string{"train800.txt", "train/CLASS"}},
		{"no label", lines(first + "images/test_01.png\n"), []string{list + " line 2"}},
		{"label is a word", lines(first + "\nimages/test_01.png cat\n"), []string{list + " line 3", "cat"}},
		{"label is broken", lines(first + "images/test_01.png 1.5\n"), []string{list + " line 2", "1.5"}},
		{"label is negative", lines(first + "images/test_01.png -1\n"), []string{list + " line 2", "-1"}},
		{"label out of range", lines(first + "images/test_01.png 100000\n"), []string{list + " line 2", "100000"}},
		{"missing image", lines(first + first + "images/gone.png 1\n"), []string{list + " line 3", "gone.png"}},
		{"image is a folder", lines(first + "images 1\n"), []string{list + " line 2", "not a regular file"}},
		{"outside", lines(first + "../../etc/passwd 1\n"), []string{list + " line 2", "leaves"}},
		{"empty list", lines(""), []string{list, "empty"}},
		{"empty test list", func(root string) error { return os.WriteFile(filepath.Join(root, "test.txt"), nil, 0o666) }, []string{"test.txt", "empty"}},
		{"only a test list", func(root string) error { return os.Remove(filepath.Join(root, list)) }, []string{"trainval", "only test"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := newData(t, map[string]int{"train800val200": 9, "test": 3})
			expect.NoError(t, c.make(root))
			out := filepath.Join(t.TempDir(), "run")
			o := cli(t, tune(out, "--data", root)...)
			o.want(t, exitFailed, c.want...)
			if !strings.Contains(o.err, root) {
				t.Errorf("the data set is not named: %s", o.err)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("an output folder is left")
			}
		})
	}
}

func joined(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestBadImage: an unreadable image stops training with an error that names it, and the result of the epochs before it is saved;
// with --skip-bad-images it is skipped and counted.
func TestBadImage(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(path string) error
		want   string
	}{
		{"zero bytes", func(path string) error { return os.Truncate(path, 0) }, "empty"},
		{"cut off", func(path string) error { return os.Truncate(path, 60) }, "PNG"},
		{"text", func(path string) error { return os.WriteFile(path, []byte("no image"), 0o666) }, "no image"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := newData(t, map[string]int{"train800val200": 18, "test": 3})
			bad := filepath.Join(root, "images", "train800val200_10.png") // in the middle of the epoch
			expect.NoError(t, c.change(bad))
			out := filepath.Join(t.TempDir(), "run")
			flags := []string{"--data", root, "--shuffle=false", "--batch", "4", "--method", "linear", "--feature-cache", "off"}
			cli(t, tune(out, flags...)...).want(t, exitFailed, bad, c.want, "epoch 1, batch 3")
			if r := readRun(t, out); r.Status != result.Failed || !strings.Contains(r.Error, bad) {
				t.Errorf("run.json: status %s, error %q", r.Status, r.Error)
			}
			if c.name != "zero bytes" {
				return // the rest does not depend on what is wrong with the image
			}
			o := cli(t, tune(out, append(flags, "--skip-bad-images", "--overwrite")...)...)
			o.want(t, exitDone, "skipped: ", bad)
			if n := strings.Count(o.err, bad); n != 1 {
				t.Errorf("the image is named %d times, want once:\n%s", n, o.err)
			}
			// 17 images are left: 4 full batches of 4 in each of 3 epochs.
			if r := readRun(t, out); r.Data.Skipped != 1 || r.Progress.Steps != 12 || r.Status != result.Finished {
				t.Errorf("run.json: %d images skipped, %d steps, %s", r.Data.Skipped, r.Progress.Steps, r.Status)
			}
			if o := cli(t, tune(out, append(flags, "--skip-bad-images", "--overwrite", "--quiet")...)...); o.err != "" {
				t.Errorf("--quiet prints %s", o.err)
			}
		})
	}
}

// TestBadTestImage: an unreadable test image does not lose the trained adapter.
func TestBadTestImage(t *testing.T) {
	root := newData(t, map[string]int{"train800val200": 9, "test": 3})
	bad := write(t, filepath.Join(root, "images", "test_01.png"), []byte("\x89PNG\r\n\x1a\n"))
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--data", root)...).want(t, exitFailed, bad)
	r := readRun(t, out)
	if r.Status != result.Failed || r.Progress.Epochs != 3 || r.Accuracy != nil {
		t.Errorf("run.json: %s after %d epochs, accuracy %v", r.Status, r.Progress.Epochs, r.Accuracy)
	}
	adapter := filepath.Join(out, result.AdapterFile)
	cli(t, evalOn(root, adapter)...).want(t, exitFailed, bad)
	o := cli(t, evalOn(root, adapter, "--skip-bad-images", "--json")...)
	o.want(t, exitDone, bad)
	var score struct {
		Top1   float64
		Images int
	}
	expect.NoError(t, json.Unmarshal([]byte(o.out), &score))
	if score.Images != 2 {
		t.Errorf("%d images evaluated, want 2", score.Images)
	}
	cli(t, append(predictArgs(adapter), root)...).want(t, exitFailed, bad)
	o = cli(t, append(predictArgs(adapter), "--skip-bad-images", root)...)
	if o.want(t, exitDone, bad); strings.Count(o.out, "\n") != 36+11 { // those of the fixture and of root
		t.Errorf("%d predictions, want 47", strings.Count(o.out, "\n"))
	}
	cli(t, append(predictArgs(adapter), filepath.Join(root, "gone.png"))...).want(t, exitFailed, "gone.png")
	cli(t, append(predictArgs(adapter), t.TempDir())...).want(t, exitFailed, "no images")
	cli(t, append(predictArgs(adapter), filepath.Join(root, "test.txt"))...).want(t, exitFailed, "test.txt", "not an image")
}

// TestAllImagesBad: --skip-bad-images fails too if no image is left to train on.
func TestAllImagesBad(t *testing.T) {
	root := newData(t, map[string]int{"train800val200": 9, "test": 3})
	for i := range 9 {
		expect.NoError(t, os.Truncate(filepath.Join(root, "images", fmt.Sprintf("train800val200_%02d.png", i)), 0))
	}
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--data", root, "--method", "linear", "--skip-bad-images", "--feature-cache", "off")...).want(t, exitFailed, "none of the 9 images")
}

// TestBadImagesBalanced: a balanced epoch is of readable images, and so are the weights of classes.
func TestBadImagesBalanced(t *testing.T) {
	root := newData(t, map[string]int{"train800val200": 36, "test": 3})
	for _, i := range []int{0, 3, 6} { // of the first of three classes
		expect.NoError(t, os.Truncate(filepath.Join(root, "images", fmt.Sprintf("train800val200_%02d.png", i)), 0))
	}
	for _, flags := range [][]string{{"--sampler", "balanced", "--feature-cache", "off"}, {"--sampler", "balanced"}, {"--class-weights", "balanced"}} {
		out := filepath.Join(t.TempDir(), "run")
		cli(t, tune(out, append(flags, "--data", root, "--batch", "32", "--epochs", "12", "--skip-bad-images")...)...).want(t, exitDone)
		r := readRun(t, out)
		if r.Progress.Steps != 12 || r.Data.Skipped != 3 {
			t.Errorf("%v: %d steps in 12 epochs, %d images left out", flags, r.Progress.Steps, r.Data.Skipped)
		}
		var config struct {
			Weights []float64 `json:"class_weights"`
		}
		decode(t, r.Config, &config)
		if flags[0] == "--class-weights" && fmt.Sprintf("%.4f", config.Weights) != "[1.2222 0.9167 0.9167]" { // 33 / (3 x 9) and 33 / (3 x 12)
			t.Errorf("weights %v", config.Weights)
		}
	}
}
