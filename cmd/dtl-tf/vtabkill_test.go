package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/vtab"
)

// TestVtabDamaged: an empty or truncated result is reported, moved aside and computed anew.
func TestVtabDamaged(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	out := filepath.Join(t.TempDir(), "results")
	args := vtabRun(root, out, "--seeds", "1,2,3")
	cli(t, args...).want(t, exitDone)
	want := readCell(t, out, "eurosat", "dtl", 1).Run.Accuracy
	empty, half := vtab.CellPath(out, "eurosat", "dtl", 1), vtab.CellPath(out, "eurosat", "dtl", 2)
	write(t, empty, nil)
	content := read(t, half)
	write(t, half, content[:len(content)/2])
	cli(t, args...).want(t, exitDone, empty, "the file is empty", half, "not a complete JSON", ".bad", "1 of 3 cells are finished already", "cells 3/3 done")
	if got := readCell(t, out, "eurosat", "dtl", 1).Run.Accuracy; !reflect.DeepEqual(got, want) {
		t.Errorf("computed anew: %+v, before %+v", got, want)
	}
	if !bytes.Equal(read(t, half+".bad"), content[:len(content)/2]) {
		t.Error("the damaged file is not kept")
	}
}

// TestVtabNewer: files of a newer version are neither removed nor replaced, and their cells do not start anew.
func TestVtabNewer(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	for name, c := range map[string]struct{ run, want string }{
		"format": {`{"format": 2, "status": "running"}`, "format 2"}, "field": {`{"format": 1, "status": "running", "optimiser": "lion"}`, "optimiser"},
		"cut": {`{"format": 1, "sta`, "not a complete JSON"}, "none": {"", "no run.json"},
	} {
		out := filepath.Join(t.TempDir(), "results [1]")
		run := vtab.WorkPath(out, "eurosat", "dtl", 1)
		expect.NoError(t, os.MkdirAll(run, 0o777))
		if c.run != "" {
			write(t, filepath.Join(run, result.RunFile), []byte(c.run))
		}
		checkpoint := write(t, filepath.Join(run, "checkpoint-000000300.safetensors"), []byte("days of work"))
		cli(t, vtabRun(root, out, "--seeds", "1", "--step-memory=false")...).want(t, exitFailed, run, c.want, "1 cell of 1 failed")
		if string(read(t, checkpoint)) != "days of work" || c.run != "" && string(read(t, run, result.RunFile)) != c.run {
			t.Errorf("%s: left: %s", name, state(t, run))
		}
	}
	out := filepath.Join(t.TempDir(), "results")
	cell := vtab.CellPath(out, "eurosat", "dtl", 1)
	expect.NoError(t, os.MkdirAll(filepath.Dir(cell), 0o777))
	newer := `{"format": 2, "task": "eurosat"}`
	write(t, cell, []byte(newer))
	cli(t, vtabRun(root, out, "--seeds", "1")...).want(t, exitFailed, cell, "format 2", "another version")
	if string(read(t, cell)) != newer {
		t.Error("the cell was replaced")
	}
}

// TestVtabInterrupted: Ctrl-C stops the sweep, finished cells stay, and the same command continues.
func TestVtabInterrupted(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	out := filepath.Join(t.TempDir(), "results")
	args := vtabRun(root, out, "--seeds", "1,2")
	cliUntil(t, "eurosat dtl seed 1: ", args...).want(t, exitInterrupted, "interrupted with cells 1/2 done", "the same command continues")
	cli(t, args...).want(t, exitDone, "1 of 2 cells are finished already", "cells 2/2 done")
}

// TestVtabKilled: after kill -9 within a cell, the same command ends with the result of an uninterrupted sweep.
func TestVtabKilled(t *testing.T) {
	need.Heavy(t, "kills processes of a sweep")
	root := vtabRoot(t, "eurosat")
	flags := []string{"--set", "epochs=30,batch=8,lr=0.02", "--checkpoint-every", "1", "--methods", "dtl,full", "--step-memory=false"}
	whole := filepath.Join(t.TempDir(), "whole")
	cli(t, vtabRun(root, whole, flags...)...).want(t, exitDone)

	out := filepath.Join(t.TempDir(), "killed")
	args := vtabRun(root, out, flags...)
	for _, method := range []string{"dtl", "full"} {
		p := launch(t, wholeProgram, args...)
		run := vtab.WorkPath(out, "eurosat", method, 42)
		if !p.until(func() bool { return len(checkpoints(t, run)) > 0 }) {
			t.Fatalf("no checkpoint: %s", p.end().err)
		}
		p.send(syscall.SIGKILL)
		if !p.killed() {
			t.Fatalf("%s ended before it could be killed", method)
		}
		if _, err := os.Stat(vtab.CellPath(out, "eurosat", method, 42)); err == nil {
			t.Fatalf("%s was finished before it could be killed", method)
		}
	}
	cli(t, args...).want(t, exitDone, "eurosat full seed 42 was started before: continuing it", "cells 2/2 done")
	for _, method := range []string{"dtl", "full"} {
		a, b := readCell(t, out, "eurosat", method, 42), readCell(t, whole, "eurosat", method, 42)
		if !a.Resumed || b.Resumed || !reflect.DeepEqual(a.Run.Accuracy, b.Run.Accuracy) {
			t.Errorf("%s: resumed %v, %+v; in one piece: %+v", method, a.Resumed, a.Run.Accuracy, b.Run.Accuracy)
		}
		sameResult(t, vtab.WorkPath(out, "eurosat", method, 42), vtab.WorkPath(whole, "eurosat", method, 42))
	}
	left, err := filepath.Glob(filepath.Join(out, sweep.WorkFolder, "*", "*", "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestVtabShared: two processes with the same command share the cells and run none twice.
func TestVtabShared(t *testing.T) {
	need.Heavy(t, "runs a sweep in several processes")
	root := vtabRoot(t, "eurosat", "svhn")
	out := filepath.Join(t.TempDir(), "results")
	args := vtabRun(root, out, "--tasks", "eurosat,svhn", "--methods", "linear,dtl,lora", "--seeds", "1,2", "--step-memory=false")
	running := []*process{launch(t, wholeProgram, args...), launch(t, wholeProgram, args...)}
	for _, p := range running {
		p.end().want(t, exitDone, "cells 12/12 done")
	}
	cells, bad, err := vtab.ReadCells(out)
	if err != nil || len(bad) > 0 || len(cells) != 12 {
		t.Fatalf("%d cells, %v, %v", len(cells), bad, err)
	}
	share := map[int]int{}
	for _, c := range cells {
		runs := 0
		for _, p := range running {
			for line := range strings.Lines(p.stderr.String()) {
				if !strings.HasPrefix(line, c.Key()+": ") || strings.Contains(line, "(by ") {
					continue
				}
				runs++
				if c.Machine.Process != p.Process.Pid {
					t.Errorf("%s: the file names process %d, %d says it ran it", c.Key(), c.Machine.Process, p.Process.Pid)
				}
			}
		}
		if runs != 1 || c.Status != result.Finished {
			t.Errorf("%s was run %d times: %s %s", c.Key(), runs, c.Status, c.Error)
		}
		share[c.Machine.Process]++
	}
	if len(share) != 2 {
		t.Errorf("one process had all the work: %v", share)
	}
}
