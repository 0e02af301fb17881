package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/vtab"
)

// vtabSearch is the command line of a small search.
func vtabSearch(root, out string, more ...string) []string {
	return append([]string{"vtab", "search", "--data", root, "--backbone", fixture.backbone, "--out", out, "--feature-cache", "off",
		"--method", "dtl", "--task", "eurosat", "--set", "epochs=2,batch=6", "--grid", "lr=1e-7,0.05;drop_path=0,0.1"}, more...)
}

// TestVtabSearch: the grid uses train800 and val200, whatever the test images are. A point's accuracy is that of a fine-tune on a
// data set made of these two lists.
func TestVtabSearch(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	for i := range 12 {
		write(t, filepath.Join(root, "eurosat", "images", fmt.Sprintf("test_%02d.png", i)), []byte("no image"))
	}
	out := filepath.Join(t.TempDir(), "search")
	o := cli(t, vtabSearch(root, out, "--format", "csv")...)
	o.want(t, exitDone, "cells 4/4 done", "Best with dtl on eurosat", "--set lr=", "lr=1e-7,drop_path=0 eurosat dtl seed 42 and 1 more train on one forward pass")
	if strings.Count(o.err, "more train on one forward pass") != 1 { // drop path 0.1 acts on the blocks to share
		t.Error(o.err)
	}
	lines := strings.Split(strings.TrimSpace(o.out), "\n")
	if len(lines) != 5 || lines[0] != "lr,drop_path,val_top1,val_top1_std,note" || !strings.HasPrefix(lines[1], "0.05,") {
		t.Errorf("the table: %q", lines)
	}
	again := cli(t, vtabSearch(root, out)...)
	again.want(t, exitDone, "4 of 4 cells are finished already")
	_, line, ok := strings.Cut(again.out, "\n  --set ")
	if !ok {
		t.Fatalf("no winner in %s", again.out)
	}
	set := strings.TrimSpace(line)

	pair := filepath.Join(t.TempDir(), "pair")
	expect.NoError(t, os.CopyFS(pair, os.DirFS(filepath.Join(root, "eurosat"))))
	write(t, filepath.Join(pair, "train800val200.txt"), read(t, pair, "train800.txt"))
	write(t, filepath.Join(pair, "test.txt"), read(t, pair, "val200.txt"))
	one := filepath.Join(t.TempDir(), "one")
	cli(t, vtabRun(filepath.Dir(renamed(t, pair, "eurosat")), one, "--set", set)...).want(t, exitDone)
	c := readCell(t, one, "eurosat", "dtl", 42)
	point, err := vtab.ReadCell(filepath.Join(out, strings.Join(strings.Split(set, ",")[:2], ","), "eurosat", "dtl", "seed-42.json"))
	expect.NoError(t, err)
	if a, b := point.Run.Accuracy, c.Run.Accuracy; a.Split != "val" || a.Images != 9 || a.Top1 != b.Top1 {
		t.Errorf("the search found %+v, run with its winner %+v", a, b)
	}
	if n := point.Run.Data.Counts["train"]; n != 18 {
		t.Errorf("trained on %v", point.Run.Data.Counts)
	}

	// Results on val200 do not appear in a table and are not mistaken for results on test.
	results := filepath.Join(out, strings.Join(strings.Split(set, ",")[:2], ","))
	table, of := cli(t, "vtab", "table", results, "--format", "json"), cli(t, "vtab", "table", one, "--format", "json")
	table.want(t, exitDone)
	if of.want(t, exitDone); !strings.Contains(of.out, `"mean"`) {
		t.Errorf("the table of a result: %s", of.out)
	}
	if !strings.Contains(table.out, "evaluated on val, not on test") || strings.Contains(table.out, `"mean"`) {
		t.Errorf("the table of a point: %s", table.out)
	}
	if o := cli(t, "vtab", "table", out); o.code != exitFailed || !strings.Contains(o.err, "seed-42.json: is of a search, evaluated on val: the same 'dtl-tf vtab search'") {
		t.Errorf("the table of a search: exit code %d, %s", o.code, o.err)
	}
	cli(t, vtabRun(root, results, "--set", set)...).want(t, exitUsage, "was made with evaluation on val, but this call asks for test", "choose another --out")
}

// renamed moves a folder and returns its new path.
func renamed(t *testing.T, path, name string) string {
	t.Helper()
	to := filepath.Join(filepath.Dir(path), name)
	expect.NoError(t, os.Rename(path, to))
	return to
}
