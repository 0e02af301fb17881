package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
)

// TestNotesOnData: oddities of the data are reported before training and recorded.
func TestNotesOnData(t *testing.T) {
	root := folders(t, t.TempDir(), "train", 4, spices)
	image := read(t, root, "train", "basil", "train0.png")
	expect.NoError(t, os.MkdirAll(filepath.Join(root, "test", "amber"), 0o777))
	write(t, filepath.Join(root, "test", "amber", "again.png"), image)
	out := filepath.Join(t.TempDir(), "run")
	o := cli(t, tune(out, "--data", root, "--shuffle=false", "--epochs", "1")...) // 12 images, batch 8
	notes := []string{
		"2 of 3 classes (basil, cobalt) have no image in test: they are not tested",
		"1 of 1 images of test are also in the training data, as files with the same content: test/amber/again.png = train/basil/train0.png",
		"files with the same content have different labels: train/basil/train0.png (basil) = test/amber/again.png (amber)",
		"no training step gets an image of 1 of 3 classes (cobalt): each epoch drops images that do not fill a batch, use a smaller --batch or leave out --shuffle=false",
	}
	o.want(t, exitDone, notes...)
	if got := readRun(t, out).Notes; fmt.Sprint(got) != fmt.Sprint(notes) {
		t.Errorf("run.json has the notes %q", got)
	}
	if o := cli(t, tune(out, "--overwrite")...); len(readRun(t, out).Notes) != 0 {
		t.Errorf("notes on data without fault:\n%s", o.err)
	}
}
