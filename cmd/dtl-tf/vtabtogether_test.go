package main

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
	"dtl-tf/runner/vtab"
)

// pointCell reads the cell of a point of a search, and its adapter.
func pointCell(t *testing.T, out, point string) (vtab.Cell, *result.Adapter) {
	t.Helper()
	folder := filepath.Join(out, point)
	c, err := vtab.ReadCell(vtab.CellPath(folder, "eurosat", "dtl", 42))
	expect.NoError(t, err)
	if c.Status == result.Failed {
		return c, nil
	}
	a, err := result.ReadAdapter(filepath.Join(vtab.WorkPath(folder, "eurosat", "dtl", 42), result.AdapterFile))
	expect.NoError(t, err)
	return c, a
}

// TestVtabSearchTogether: points of a search train on one forward pass, and their cells are those of searches of one point each. The point
// that diverges fails alone.
func TestVtabSearchTogether(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	out := filepath.Join(t.TempDir(), "search")
	set := []string{"--set", "epochs=3,batch=6"}
	o := cli(t, vtabSearch(root, out, append(set, "--grid", "lr=0.02,1e3;weight_decay=0,1e3;drop_path=0")...)...)
	o.want(t, exitFailed, "and 3 more train on one forward pass", "lr=1e3,weight_decay=1e3,drop_path=0 eurosat dtl seed 42: failed: the loss became", "1 cell of 4 failed")
	if strings.Count(o.err, "more train on one forward pass") != 1 {
		t.Error(o.err)
	}
	for _, point := range []string{"lr=0.02,weight_decay=0,drop_path=0", "lr=1e3,weight_decay=0,drop_path=0"} {
		apart := filepath.Join(t.TempDir(), "apart")
		cli(t, vtabSearch(root, apart, append(set, "--grid", strings.ReplaceAll(point, ",", ";"))...)...).want(t, exitDone)
		got, mine := pointCell(t, out, point)
		want, other := pointCell(t, apart, point)
		if got.Run.Together != 4 || want.Run.Together != 0 || !reflect.DeepEqual(got.Run.Accuracy, want.Run.Accuracy) || !reflect.DeepEqual(got.Overrides, want.Overrides) || got.Run.Status != result.Finished {
			t.Errorf("%s: %d together, %+v; alone %+v", point, got.Run.Together, got.Run.Accuracy, want.Run.Accuracy)
		}
		nearly(t, point, mine, other)
	}
	if c, _ := pointCell(t, out, "lr=1e3,weight_decay=1e3,drop_path=0"); !c.Diverged || c.Run == nil || c.Run.Status != result.Failed {
		t.Errorf("%+v", c)
	}
	left, err := filepath.Glob(filepath.Join(out, "*", ".work", "*", "*", "*.lock.*"))
	if err != nil || len(left) > 0 {
		t.Errorf("locks are left: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(vtab.WorkPath(filepath.Join(out, "lr=0.02,weight_decay=0,drop_path=0"), "eurosat", "dtl", 42), "checkpoint-000000009.safetensors")); err == nil {
		t.Error("a finished cell keeps its checkpoints")
	}
}

// TestVtabSearchStopped: points that were interrupted together continue from their checkpoints, together.
func TestVtabSearchStopped(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	args := func(out string) []string {
		return vtabSearch(root, out, "--set", "epochs=20,batch=6", "--grid", "lr=0.02,0.01;rank=1,2;drop_path=0")
	}
	whole, out := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "stopped")
	cli(t, args(whole)...).want(t, exitDone)
	cliUntil(t, "seed 42 and 3 more epoch", args(out)...).want(t, exitInterrupted, "interrupted with cells 0/4 done")
	cli(t, args(out)...).want(t, exitDone, "cells 4/4 done", "lr=0.01,drop_path=0,rank=2 eurosat dtl seed 42 was started before: continuing it", "and 3 more train on one forward pass")
	for _, point := range []string{"lr=0.02,drop_path=0,rank=1", "lr=0.01,drop_path=0,rank=2"} {
		got, mine := pointCell(t, out, point)
		want, other := pointCell(t, whole, point)
		if got.Run.Together != 4 || !reflect.DeepEqual(got.Run.Accuracy, want.Run.Accuracy) || !reflect.DeepEqual(mine.Tensors, other.Tensors) {
			t.Errorf("%s: %+v, in one piece %+v", point, got.Run.Accuracy, want.Run.Accuracy)
		}
	}
}

// TestVtabSearchKilled: after kill -9 in a group, the same command ends with the results of a search in one piece.
func TestVtabSearchKilled(t *testing.T) {
	need.Heavy(t, "kills a search")
	root := vtabRoot(t, "eurosat")
	args := func(out string) []string {
		return vtabSearch(root, out, "--set", "epochs=100,batch=6", "--grid", "lr=0.02,0.01;rank=1,2;drop_path=0", "--checkpoint-every", "1")
	}
	whole, out := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "killed")
	cli(t, args(whole)...).want(t, exitDone)
	p := launch(t, wholeProgram, args(out)...)
	last := vtab.WorkPath(filepath.Join(out, "lr=0.01,drop_path=0,rank=2"), "eurosat", "dtl", 42)
	if !p.until(func() bool { return len(checkpoints(t, last)) > 1 }) {
		t.Fatalf("no checkpoint: %s", p.end().err)
	}
	p.send(syscall.SIGKILL)
	if !p.killed() {
		t.Fatal("the search ended before it could be killed")
	}
	cli(t, args(out)...).want(t, exitDone, "cells 4/4 done", "was started before: continuing it")
	for _, point := range []string{"lr=0.02,drop_path=0,rank=1", "lr=0.01,drop_path=0,rank=1", "lr=0.02,drop_path=0,rank=2", "lr=0.01,drop_path=0,rank=2"} {
		got, mine := pointCell(t, out, point)
		want, other := pointCell(t, whole, point)
		if !got.Resumed || !reflect.DeepEqual(got.Run.Accuracy, want.Run.Accuracy) {
			t.Errorf("%s: resumed %v, %+v, in one piece %+v", point, got.Resumed, got.Run.Accuracy, want.Run.Accuracy)
		}
		nearly(t, point, mine, other)
	}
}

// nearly compares two adapters to 1e-5, as cells that train together and alone differ in rounding. The loss of a rate of 1e3 grows with every
// step and the rounding with it, so there it is 1e-4.
func nearly(t *testing.T, point string, got, want *result.Adapter) {
	t.Helper()
	tolerance := 1e-5
	if strings.HasPrefix(point, "lr=1e3,") {
		tolerance = 1e-4
	}
	for name, values := range want.Tensors {
		for i, v := range values.Float32() {
			if x := got.Tensors[name].Float32()[i]; math.Abs(float64(x-v)) > tolerance*max(1, math.Abs(float64(v))) {
				t.Fatalf("%s: %s[%d] is %v, want %v", point, name, i, x, v)
			}
		}
	}
}
