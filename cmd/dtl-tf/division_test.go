package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// TestDivision: --val and --test divide class folders, split.csv lists the splits, and eval reads it.
func TestDivision(t *testing.T) {
	root := folders(t, t.TempDir(), "", 10, spices)
	out := filepath.Join(t.TempDir(), "run")
	args := []string{"--data", root, "--val", "0.2", "--test", "0.3", "--epochs", "1", "--batch", "4"}
	cli(t, tune(out, args...)...).want(t, exitDone, "divided, images of each split: train 15, val 6, test 9 (split.csv lists them)")
	r := readRun(t, out)
	content := read(t, out, result.SplitFile)
	sum := sha256.Sum256(content)
	s := r.Data.Split
	if s == nil || s.SHA256 != hex.EncodeToString(sum[:]) || s.File != result.SplitFile || s.Val != 0.2 || s.Test != 0.3 || s.Seed != 42 || len(s.Fingerprints) != 3 || s.Images["val"] != 6 {
		t.Fatalf("run.json: %+v", s)
	}
	if r.Accuracy.Images != 9 || r.Accuracy.Split != "test" || strings.Count(string(content), ",test\n") != 9 || strings.Count(string(content), ",val\n") != 6 {
		t.Errorf("accuracy %+v of\n%s", r.Accuracy, content)
	}
	adapter := filepath.Join(out, result.AdapterFile)
	file := filepath.Join(out, result.SplitFile)
	if got := top1(t, evalOn(root, adapter)...); got != r.Accuracy.Top1 {
		t.Errorf("eval says %v, run.json %v", got, r.Accuracy.Top1)
	}
	for split, n := range map[string]int{"test": 9, "val": 6, "train": 15, "trainval": 15} {
		o := cli(t, evalOn(root, adapter, "--split", split)...)
		o.want(t, exitDone, fmt.Sprintf("%s: %d images of the split ", file, n))
		if !strings.Contains(o.out, fmt.Sprintf("of %d images (%s)", n, split)) {
			t.Errorf("%s: %s", split, o.out)
		}
	}
	// The lists are a data set of their own beside the images.
	write(t, filepath.Join(root, "all.csv"), content)
	cli(t, evalOn(filepath.Join(root, "all.csv"), adapter)...).want(t, exitDone, "9 images of the split test")
	// One data set already has splits, the other has none.
	other := folders(t, folders(t, t.TempDir(), "train", 2, spices), "test", 2, spices)
	cli(t, evalOn(other, adapter)...).want(t, exitDone, "has none of the images that "+file+" lists: its own split test is used")
	cli(t, evalOn(folders(t, t.TempDir(), "train", 2, spices), adapter)...).want(t, exitUsage, `has no split "test", only train, trainval, and none that `+file+" lists")
	// Another run in the folder takes the list away; the same one is finished.
	cli(t, tune(out, append(args, "--resume")...)...).want(t, exitDone, "is finished")
	cli(t, tune(out, append(args, "--resume", "--test", "0.2")...)...).want(t, exitUsage, "--test was 0.3 and is 0.2 now")
	for _, image := range strings.Split(string(content), "\n") {
		if path, _, _ := strings.Cut(image, ","); strings.HasSuffix(image, ",test") {
			expect.NoError(t, writeImage(filepath.Join(root, path), 0, 999))
			break
		}
	}
	cli(t, evalOn(root, adapter)...).want(t, exitFailed, "that split.csv lists for test have changed since the run")
	cli(t, tune(out, "--overwrite", "--epochs", "1")...).want(t, exitDone)
	if _, err := os.Stat(file); err == nil {
		t.Error("split.csv of the run before is left")
	}
}

// TestDivisionRefused: what is impossible is wrong usage, and nothing is written.
func TestDivisionRefused(t *testing.T) {
	root := folders(t, t.TempDir(), "", 4, spices)
	expect.NoError(t, os.MkdirAll(filepath.Join(root, "dill"), 0o777))
	expect.NoError(t, writeImage(filepath.Join(root, "dill", "1.png"), 1, 1))
	for args, want := range map[string]string{
		"--test 0.2":               "1 of 4 classes have fewer than 2 different images, and each split needs one: dill (1): add images to them or remove them",
		"--val 0.7 --test 0.5":     "--val 0.7 and --test 0.5 leave nothing to train on",
		"--test 0.2 --holdout 0.1": "--holdout and --test contradict each other",
		"--test 2":                 "--test 2 is not possible",
	} {
		out := filepath.Join(t.TempDir(), "run")
		cli(t, tune(out, append([]string{"--data", root}, strings.Fields(args)...)...)...).want(t, exitUsage, want)
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: %s was made", args, out)
		}
	}
	cli(t, tune(t.TempDir()+"/run", "--test", "0.2")...).want(t, exitUsage, "has a split test already: leave the flag out")
}

// TestTable: a CSV file is a data set for fine-tune, eval and data check.
func TestTable(t *testing.T) {
	root := folders(t, t.TempDir(), "in", 6, spices)
	var rows strings.Builder
	rows.WriteString("\ufeffpath,label,split\r\n")
	for class := range spices {
		for i := range 6 {
			fmt.Fprintf(&rows, "in/%s/in%d.png,\"%s, ground\",%s\r\n", class, i, class, []string{"train", "test"}[i/4])
		}
	}
	file := write(t, filepath.Join(root, "spices.csv"), []byte(rows.String()))
	out := filepath.Join(t.TempDir(), "run")
	cli(t, tune(out, "--data", file, "--epochs", "2", "--batch", "4")...).want(t, exitDone)
	r := readRun(t, out)
	if r.Data.Classes != 3 || r.Data.Counts["trainval"] != 12 || r.Data.Counts["test"] != 6 || r.Data.Name != "spices.csv" {
		t.Errorf("run.json: %+v", r.Data)
	}
	adapter := filepath.Join(out, result.AdapterFile)
	if got := top1(t, evalOn(file, adapter)...); got != r.Accuracy.Top1 {
		t.Errorf("eval says %v, run.json %v", got, r.Accuracy.Top1)
	}
	o := cli(t, "data", "check", file)
	o.want(t, exitDone, "reading images 18/18")
	if !strings.Contains(o.out, "18 images of 3 classes") || !strings.Contains(o.out, "amber, ground") {
		t.Errorf("data check:\n%s", o.out)
	}
	write(t, file, []byte(rows.String()+"in/amber/in0.png,\"basil, ground\",train\r\n"))
	o = cli(t, "data", "check", file)
	if o.want(t, exitFailed, "1 problem in "+file); !strings.Contains(o.out, `"in/amber/in0.png" has the label "basil, ground" here and "amber, ground" in line`) {
		t.Errorf("data check:\n%s", o.out)
	}
	cli(t, "data", "check").want(t, exitUsage, "give a data set")
}
