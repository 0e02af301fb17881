package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/need"
	"dtl-tf/runner/fewshot"
)

// TestFewshotKilled: after kill -9 within a cell, the same command ends with the looks and the result of an uninterrupted sweep, on
// the lists that the killed process has drawn.
func TestFewshotKilled(t *testing.T) {
	need.Heavy(t, "kills a process of a sweep")
	data := filepath.Join(folders(t, t.TempDir(), "spices", 24, spices), "spices")
	flags := []string{"--set", "epochs=40,batch=4,lr=0.02", "--shots", "8", "--checkpoint-every", "1", "--select-every", "3", "--augment", "crop,flip"}
	whole, out := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	cli(t, fewshotRun(data, whole, flags...)...).want(t, exitDone)
	args := fewshotRun(data, out, flags...)
	p := launch(t, wholeProgram, args...)
	run := fewshot.WorkPath(out, "spices", 8, "dtl", 0)
	if !p.until(func() bool { return len(checkpoints(t, run)) > 0 }) {
		t.Fatalf("no checkpoint: %s", p.end().err)
	}
	p.send(syscall.SIGKILL)
	if !p.killed() {
		t.Fatal("the cell ended before it could be killed")
	}
	if _, err := os.Stat(fewshot.CellPath(out, "spices", 8, "dtl", 0)); err == nil {
		t.Fatal("the cell was finished before it could be killed")
	}
	cli(t, args...).want(t, exitDone, "spices 8-shot dtl split 0 was started before: continuing it", "cells 1/1 done")
	a, b := readShots(t, out, "spices", 8, "dtl", 0), readShots(t, whole, "spices", 8, "dtl", 0)
	if !a.Resumed || b.Resumed || !reflect.DeepEqual(a.Run.Accuracy, b.Run.Accuracy) || !reflect.DeepEqual(a.Run.Selection, b.Run.Selection) || len(b.Run.Selection.Looks) != 14 {
		t.Errorf("%+v %+v; in one piece: %+v %+v", a.Run.Accuracy, a.Run.Selection, b.Run.Accuracy, b.Run.Selection)
	}
	sameResult(t, run, fewshot.WorkPath(whole, "spices", 8, "dtl", 0))
}

// TestFewshotShards: two processes that start at once draw the same lists and share the cells.
func TestFewshotShards(t *testing.T) {
	need.Heavy(t, "starts two processes of a sweep")
	data := filepath.Join(folders(t, t.TempDir(), "spices", 24, spices), "spices")
	out := filepath.Join(t.TempDir(), "shared")
	args := fewshotRun(data, out, "--methods", "dtl,linear", "--shots", "1,2,4", "--seeds", "0,1")
	running := []*process{launch(t, wholeProgram, append(args, "--shard", "1/2")...), launch(t, wholeProgram, append(args, "--shard", "2/2")...)}
	for _, p := range running {
		p.end().want(t, exitDone, "cells 6/6 done")
	}
	o := cli(t, "fewshot", "table", out)
	if o.want(t, exitDone); strings.Contains(o.out, "Missing") {
		t.Errorf("%s", o.out)
	}
}
