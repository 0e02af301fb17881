package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
)

// TestOddNames: names that are not UTF-8, or contain tabs or newlines, stay distinct in the output of predict.
func TestOddNames(t *testing.T) {
	dir := t.TempDir()
	names := []string{"\xfe.png", "\xff.png", "a\tb\n.png", "plain one.png"}
	for i, name := range names {
		need.NoError(t, writeImage(filepath.Join(dir, name), i%3, uint64(i))) // not every file system takes such names
	}
	args := []string{"predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(dtlRun(t), result.AdapterFile), dir}
	back := func(shown string) string {
		if strings.HasPrefix(shown, `"`) {
			var err error
			shown, err = strconv.Unquote(shown)
			expect.NoError(t, err)
		}
		return shown
	}
	found := map[string]int{}
	for _, p := range predictions(t, args...) {
		found[back(p.Image)]++
	}
	o := cli(t, args...)
	for line := range strings.Lines(o.out) {
		columns := strings.Split(line, "\t")
		if len(columns) != 3 {
			t.Fatalf("not three columns: %q", line)
		}
		found[back(columns[0])]++
	}
	for _, name := range names {
		if found[filepath.Join(dir, name)] != 2 {
			t.Errorf("%q is not among the predictions: %v", name, found)
		}
	}
	root := folders(t, t.TempDir(), "train", 1, spices)
	expect.NoError(t, os.Mkdir(filepath.Join(root, "train", "\xff"), 0o777))
	cli(t, tune(filepath.Join(t.TempDir(), "run"), "--data", root)...).want(t, exitFailed, strconv.Quote(filepath.Join(root, "train", "\xff")), "not UTF-8")
}
