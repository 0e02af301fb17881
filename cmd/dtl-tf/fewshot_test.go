package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/fewshot"
	"dtl-tf/runner/result"
)

// fewshotRun is the command line of a small sweep. Later flags override earlier ones.
func fewshotRun(root, out string, more ...string) []string {
	return append([]string{"fewshot", "run", "--data", root, "--backbone", fixture.backbone, "--out", out, "--feature-cache", "off",
		"--methods", "dtl", "--shots", "1", "--seeds", "0", "--set", "epochs=3,lr=0.02", "--augment", "flip", "--step-memory=false"}, more...)
}

func readShots(t *testing.T, out, set string, shots int, method string, seed uint64) fewshot.Cell {
	t.Helper()
	c, err := fewshot.ReadCell(fewshot.CellPath(out, set, shots, method, seed))
	expect.NoError(t, err)
	return c
}

// TestFewshotFolders trains on class folders: lists are drawn, a second call has nothing to do, another run reads the lists, and the
// table and its figure have all cells.
func TestFewshotFolders(t *testing.T) {
	root := folders(t, t.TempDir(), "spices", 8, spices)
	data, out := filepath.Join(root, "spices"), filepath.Join(t.TempDir(), "results")
	args := fewshotRun(data, out, "--methods", "dtl,linear", "--shots", "1,2", "--seeds", "0,1", "--select-every", "2")
	o := cli(t, args...)
	o.want(t, exitDone, "of 24 images 6 for validation, 6 for test", "test images are scaled to 9 x 9", "spices 2-shot dtl split 1: ", "cells 8/8 done")
	c := readShots(t, out, "spices", 2, "dtl", 1)
	a, s := c.Run.Accuracy, c.Run.Selection
	if a == nil || a.Images != 6 || a.Split != "test" || a.Note != result.OnceAfterBest || a.Resize != 9 || a.Crop != 8 || s == nil || s.Images != 6 || s.Split != "val" || a.Epoch != s.Chosen {
		t.Fatalf("%+v, %+v", a, s)
	}
	// Two epochs, then the last.
	if len(s.Looks) != 2 || s.Looks[0].Epoch != 2 || s.Looks[1].Epoch != 3 {
		t.Errorf("looks %+v", s.Looks)
	}
	var config struct {
		Batch   int    `json:"batch"`
		Augment string `json:"augment"`
		Seed    uint64 `json:"seed"`
	}
	decode(t, c.Run.Config, &config)
	if config.Batch != 6 || config.Augment != "flip=0.5" || config.Seed != 42 || c.Run.Data.Classes != 3 || !reflect.DeepEqual(c.Run.Data.Counts, map[string]int{"train": 6, "val": 6, "test": 6}) {
		t.Errorf("%+v, %+v", config, c.Run.Data)
	}
	if !strings.Contains(o.err, "spices 2-shot: --batch 32: there are 6 images, which are one batch") {
		t.Errorf("the smaller batch is not said:\n%s", o.err)
	}
	// The adapter knows the classes by name.
	adapter := filepath.Join(fewshot.WorkPath(out, "spices", 2, "dtl", 1), result.AdapterFile)
	if p := cli(t, "predict", "--backbone", fixture.backbone, "--adapter", adapter, filepath.Join(data, "amber")); !strings.Contains(p.out, "amber") || p.code != exitDone {
		t.Errorf("predict: %s %s", p.out, p.err)
	}

	before := tree(t, out)
	cli(t, args...).want(t, exitDone, "8 of 8 cells are finished already")
	if !reflect.DeepEqual(tree(t, out), before) {
		t.Error("a second call changes results that are finished")
	}
	cli(t, append(args, "--augment", "none")...).want(t, exitUsage, "augment flip=0.5, but this call asks for none")
	cli(t, append(args, "--test-resize", "12")...).want(t, exitUsage, "test-resize 9, but this call asks for 12")
	cli(t, append(args, "--select", "last", "--select-every", "10")...).want(t, exitUsage, "select best, but this call asks for last")

	refused := filepath.Join(t.TempDir(), "refused")
	cli(t, fewshotRun(data, refused, "--set", "epochs=0")...).want(t, exitUsage, "dtl, with its recipe and --set: --epochs 0 is not possible")
	if _, err := os.Stat(refused); err == nil {
		t.Error("a refused call draws lists")
	}
	other := filepath.Join(t.TempDir(), "other")
	cli(t, fewshotRun(data, other, "--splits", filepath.Join(out, "few-shot_split"))...).want(t, exitDone, "cells 1/1 done")
	if a, b := readShots(t, other, "spices", 1, "dtl", 0).Run.Data.Fingerprint, readShots(t, out, "spices", 1, "dtl", 0).Run.Data.Fingerprint; a != b {
		t.Error("the same lists have other images")
	}

	figure := filepath.Join(t.TempDir(), "shots.svg")
	o = cli(t, "fewshot", "table", out, "--plot", figure)
	if o.want(t, exitDone); !strings.Contains(o.out, "spices") || !strings.Contains(o.out, "Top-1 accuracy") || !strings.Contains(string(read(t, figure)), "<svg") {
		t.Errorf("the table:\n%s", o.out)
	}
	cli(t, "fewshot", "table").want(t, exitUsage, "give the folder with the results")
}

// TestFewshotFlowers trains on the official lists of Flowers-102 with one image of each class, which is three steps in an epoch.
func TestFewshotFlowers(t *testing.T) {
	root := need.Shared(t, "few-shot")
	out := filepath.Join(t.TempDir(), "results")
	cli(t, fewshotRun(root, out, "--methods", "linear", "--set", "epochs=1,batch=32")...).want(t, exitDone, "oxford-flowers102 1-shot linear split 0: ")
	c := readShots(t, out, "oxford-flowers102", 1, "linear", 0)
	if want := map[string]int{"train": 102, "val": 1633, "test": 2463}; !reflect.DeepEqual(c.Run.Data.Counts, want) {
		t.Errorf("%v images, want %v", c.Run.Data.Counts, want)
	}
	if c.Run.Progress.Steps != 3 || c.Run.Accuracy.Images != 2463 || c.Run.Selection.Images != 1633 || c.Run.Parameters.Classifier != 102*17 {
		t.Errorf("%+v %+v %+v", c.Run.Progress, c.Run.Accuracy, c.Run.Parameters)
	}
}

// TestFewshotBadInput: a cell fails with the path of a picture that is missing; mistakes in lists and flags are reported before.
func TestFewshotBadInput(t *testing.T) {
	root := t.TempDir()
	lists := filepath.Join(root, "few-shot_split", "dots", "annotations")
	expect.NoError(t, os.MkdirAll(lists, 0o777))
	expect.NoError(t, os.MkdirAll(filepath.Join(root, "dots"), 0o777))
	for list, n := range map[string]int{"train_meta.list.num_shot_1.seed_0": 3, "val_meta.list": 3, "test_meta.list": 6} {
		var text strings.Builder
		for i := range n {
			name := fmt.Sprintf("%s %d.png", list[:4], i)
			expect.NoError(t, writeImage(filepath.Join(root, "dots", name), i%3, uint64(i)))
			fmt.Fprintf(&text, "%s %d\n", name, i%3)
		}
		write(t, filepath.Join(lists, list), []byte(text.String()))
	}
	out := filepath.Join(t.TempDir(), "results")
	for _, c := range []struct {
		flags []string
		code  int
		words string
	}{
		{[]string{"--sets", "flower"}, exitUsage, "did you mean flowers?"},
		{[]string{"--shots", "2"}, exitFailed, "num_shot_2.seed_0"},
		{[]string{"--seeds", "1"}, exitFailed, "there are lists of 1 shots with the split seeds 0"},
		{[]string{"--shots", "a"}, exitUsage, "--shots"},
		{[]string{"--augment", "flop"}, exitUsage, `did you mean "flip"?`},
		{[]string{"--set", "kernal=3"}, exitUsage, "did you mean kernel?"},
		{[]string{"--data", filepath.Join(root, "none")}, exitUsage, "none"},
	} {
		cli(t, fewshotRun(root, out, c.flags...)...).want(t, c.code, c.words)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused call writes results")
	}
	gone := filepath.Join(root, "dots", "test 4.png")
	expect.NoError(t, os.Remove(gone))
	cli(t, fewshotRun(root, out)...).want(t, exitFailed, "dots 1-shot dtl split 0: failed", gone, "1 cell of 1 failed")
	expect.NoError(t, writeImage(gone, 1, 4))
	cli(t, fewshotRun(root, out)...).want(t, exitDone, "cells 1/1 done")
}
