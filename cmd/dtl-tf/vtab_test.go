package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
	"dtl-tf/runner/vtab"
)

// vtabRoot makes a folder with tiny tasks of three colours each.
func vtabRoot(t *testing.T, tasks ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "vtab-1k")
	for _, task := range tasks {
		expect.NoError(t, writeLists(filepath.Join(root, task), map[string]int{"train800": 18, "val200": 9, "train800val200": 24, "test": 12}))
	}
	return root
}

// vtabRun is the command line of a small sweep. Later flags override earlier ones.
func vtabRun(root, out string, more ...string) []string {
	return append([]string{"vtab", "run", "--data", root, "--backbone", fixture.backbone, "--out", out, "--feature-cache", "off",
		"--methods", "dtl", "--tasks", "eurosat", "--set", "epochs=3,batch=8,lr=0.02"}, more...)
}

func readCell(t *testing.T, out, task, method string, seed uint64) vtab.Cell {
	t.Helper()
	c, err := vtab.ReadCell(vtab.CellPath(out, task, method, seed))
	expect.NoError(t, err)
	return c
}

// tree returns the content of every file below a folder, by path.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	expect.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files[path] = string(read(t, path))
		}
		return err
	}))
	return files
}

// TestVtabRun trains a small table and compares a cell with a fine-tune with the same settings, given as flags.
func TestVtabRun(t *testing.T) {
	root := vtabRoot(t, "eurosat", "cifar-100")
	out := filepath.Join(t.TempDir(), "results")
	args := vtabRun(root, out, "--methods", "linear,dtl", "--tasks", "cifar,eurosat", "--seeds", "7")
	o := cli(t, args...)
	o.want(t, exitDone, "eurosat dtl seed 7: ", "cells 4/4 done")
	if !strings.Contains(o.out, "4 cells: 4 finished (0 before this call), 0 failed") {
		t.Errorf("stdout: %s", o.out)
	}
	cells, bad, err := vtab.ReadCells(out)
	if err != nil || len(bad) > 0 || len(cells) != 4 {
		t.Fatalf("%d cells, %v, %v", len(cells), bad, err)
	}
	for _, c := range cells {
		a := c.Run.Accuracy
		if a == nil || a.Split != "test" || a.Epoch != 3 || a.Images != 12 || a.Note != result.OnceAfterLast || c.Run.Format != result.Format {
			t.Errorf("%s: accuracy %+v", c.Key(), a)
		}
		// Weights, the two moments of each trainable parameter and the powers of AdamW's betas are float32.
		p, m := c.Run.Parameters, c.StepMemory
		trained := p.Trainable + p.Classifier
		if fixed := int64(4*(p.Frozen+trained) + 8*trained); m == nil || m.Peak <= 0 || m.Fixed < fixed || m.Fixed > fixed+16 {
			t.Errorf("%s: memory %+v, weights and moments are %d", c.Key(), m, fixed)
		}
		if c.Overrides["epochs"] != "3" || c.Recipe.Epochs < 100 || c.Machine.Process != os.Getpid() {
			t.Errorf("%s: overrides %v of %+v by %+v", c.Key(), c.Overrides, c.Recipe, c.Machine)
		}
	}
	// EuroSAT has ten classes; these images are of three.
	c := readCell(t, out, "eurosat", "dtl", 7)
	if c.Run.Data.Classes != 10 || c.Run.Parameters.Classifier != 10*16+10 || c.Recipe.Name != "published" || c.Recipe.Note == "" {
		t.Errorf("%+v, recipe %+v", c.Run.Data, c.Recipe)
	}
	hand := filepath.Join(t.TempDir(), "hand")
	cli(t, "fine-tune", "--data", filepath.Join(root, "cifar-100"), "--backbone", fixture.backbone, "--out", hand, "--epochs", "3", "--batch", "8",
		"--lr", "0.02", "--weight-decay", "0.05", "--drop-path", "0.1", "--seed", "7", "--feature-cache", "off").want(t, exitDone)
	// The sweep's classifier has 100 classes and fine-tune's 3, so the accuracies may differ; data and settings must not.
	sweep := readCell(t, out, "cifar", "dtl", 7)
	if a, b := sweep.Run.Data, readRun(t, hand).Data; a.Fingerprint != b.Fingerprint || a.Counts["trainval"] != b.Counts["trainval"] || a.Counts["test"] != b.Counts["test"] {
		t.Errorf("data %+v, by hand %+v", a, b)
	}
	var config, byHand map[string]any
	decode(t, sweep.Run.Config, &config)
	decode(t, readRun(t, hand).Config, &byHand)
	for name, want := range byHand {
		if name != "out" && !reflect.DeepEqual(config[name], want) {
			t.Errorf("%s is %v, by hand %v", name, config[name], want)
		}
	}

	before := tree(t, out)
	o = cli(t, args...)
	o.want(t, exitDone, "4 of 4 cells are finished already")
	if !reflect.DeepEqual(tree(t, out), before) {
		t.Error("a second call changes results that are finished")
	}
	cli(t, append(args, "--set", "epochs=3,batch=8,lr=0.01")...).want(t, exitUsage, "lr 0.02, but this call asks for 0.01", "seed-7.json")
	cli(t, append(args, "--precision", "bf16")...).want(t, exitUsage, "precision fp32, but this call asks for bf16")
	cli(t, append(args, "--mean", "0,0,0")...).want(t, exitUsage, "was made with the mean [0.5 0.5 0.5], but this call asks for [0 0 0]")
	cli(t, append(args, "--set", "epochs=3,batch=8,lr=0")...).want(t, exitUsage, "lr=0: a learning rate is above 0")
	// The same images elsewhere are as good, others are not.
	moved := filepath.Join(t.TempDir(), "moved")
	expect.NoError(t, os.CopyFS(moved, os.DirFS(root)))
	elsewhere := append(slices.Clone(args), "--data", moved)
	o = cli(t, elsewhere...)
	o.want(t, exitDone, "4 of 4 cells are finished already")
	if n := strings.Count(o.err, "was made with data in other folders: reading these to compare"); n != 2 {
		t.Errorf("the data of 2 tasks was read %d times", n)
	}
	first := strings.Fields(string(read(t, filepath.Join(moved, "eurosat", "test.txt"))))[0]
	write(t, filepath.Join(moved, "eurosat", first), read(t, filepath.Join(moved, "cifar-100", "images", "train800_00.png")))
	cli(t, elsewhere...).want(t, exitUsage, "was made with the images of "+filepath.Join(root, "eurosat")+", but this call asks for "+filepath.Join(moved, "eurosat"))
	if !reflect.DeepEqual(tree(t, out), before) {
		t.Error("a refused call changes results")
	}
}

// TestVtabFailures: the file of a failed cell has the reason, the other cells continue, and the next call retries it.
func TestVtabFailures(t *testing.T) {
	root := vtabRoot(t, "eurosat", "svhn", "dtd")
	image := filepath.Join(root, "svhn", "images", "train800val200_03.png")
	whole := read(t, image)
	write(t, image, whole[:40])
	list := filepath.Join(root, "dtd", "test.txt")
	write(t, list, append(read(t, list), "images/test_00.png 47\n"...)) // DTD has the labels 0 to 46
	out := filepath.Join(t.TempDir(), "results")
	args := vtabRun(root, out, "--methods", "linear", "--tasks", "eurosat,svhn,dtd,pets", "--step-memory=false")
	o := cli(t, args...)
	o.want(t, exitFailed, "cells 1/4 done, 3 failed", "3 cells of 4 failed", "svhn linear seed 42: ", "train800val200_03.png", "test.txt line 13", "oxford_iiit_pet")
	for _, key := range []string{"svhn", "dtd", "oxford_iiit_pet"} {
		if !strings.Contains(o.out, "\n  failed: "+key+" linear seed 42: ") {
			t.Errorf("the list lacks %s: %s", key, o.out)
		}
	}
	if c := readCell(t, out, "svhn", "linear", 42); c.Status != result.Failed || !strings.Contains(c.Error, "train800val200_03.png") || c.Run == nil {
		t.Errorf("svhn: %s, %q, run %v", c.Status, c.Error, c.Run)
	}
	if c := readCell(t, out, "oxford_iiit_pet", "linear", 42); c.Status != result.Failed || !strings.Contains(c.Error, "no folder") || c.Run != nil {
		t.Errorf("pets: %s, %q, run %v", c.Status, c.Error, c.Run)
	}
	if c := readCell(t, out, "eurosat", "linear", 42); c.Status != result.Finished || c.StepMemory != nil {
		t.Errorf("eurosat: %s, %v", c.Status, c.StepMemory)
	}
	write(t, image, whole)
	o = cli(t, args...)
	o.want(t, exitFailed, "2 cells of 4 failed")
	if c := readCell(t, out, "svhn", "linear", 42); c.Status != result.Finished || c.Error != "" {
		t.Errorf("svhn, mended: %s, %q", c.Status, c.Error)
	}
}

// TestVtabBadInput: wrong usage is detected before anything is written.
func TestVtabBadInput(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	out := filepath.Join(t.TempDir(), "results")
	for _, c := range []struct {
		flags []string
		words string
	}{
		{[]string{"--data", filepath.Join(root, "none")}, "none"},
		{[]string{"--data", filepath.Join(root, "eurosat", "test.txt")}, "is a file"},
		{[]string{"--data", ""}, "--data is empty"},
		{[]string{"--out", ""}, "--out is empty"},
		{[]string{"--tasks", "eurosatt"}, "did you mean eurosat?"},
		{[]string{"--methods", "dlt"}, "did you mean dtl?"},
		{[]string{"--set", "kernal=3"}, "did you mean kernel?"},
		{[]string{"--seeds", "one"}, `"one"`},
		{[]string{"--shard", "9/8"}, "--shard"},
		{[]string{"--micro-batch", "3"}, "eurosat dtl seed 42, with its recipe and --set: --micro-batch 3 is not possible: --batch is 8"},
		{[]string{"--set", "epochs=0"}, "with its recipe and --set: --epochs 0 is not possible"},
		{[]string{"--set", "rank=abc"}, `--set: rank "abc" is not a whole number`},
		{[]string{"--methods", "dtl,lora", "--set", "rank=17"}, "eurosat dtl seed 42, with its recipe and --set: --rank 17 is not possible"},
		{[]string{"--set", "pool=map"}, "eurosat dtl seed 42, with its recipe and --set: --pool: map needs attention pooling"},
		{[]string{"--recipe", "one", "--grid", "rank=2,abc"}, `rank=abc eurosat dtl seed 42, with its recipe and --set: --rank "abc" is not a whole number`},
		{[]string{"--precision", "bf16", "--set", "precision=fp16"}, "--precision bf16 and --set precision=fp16 contradict each other"},
		{[]string{"--out", fixture.backbone}, "is a file: name a folder for the results"},
		{[]string{"--precision", "fp8"}, `--precision "fp8" is unknown: use one of fp32`},
		{[]string{"more"}, `"more"`},
	} {
		cli(t, vtabRun(root, out, c.flags...)...).want(t, exitUsage, c.words)
	}
	cli(t, vtabRun(root, out, "--backbone", filepath.Join(root, "none.npz"))...).want(t, exitFailed, "none.npz")
	cli(t, vtabSearch(root, out, "--grid", "")...).want(t, exitUsage, "--grid is empty")
	cli(t, vtabSearch(root, out, "--grid", "rank=2,abc")...).want(t, exitUsage, `rank=abc eurosat dtl seed 42, with its recipe and --set: --rank "abc" is not a whole number`)
	cli(t, vtabSearch(root, out, "--set", "lr=0.1")...).want(t, exitUsage, "--set lr=0.1 and --grid lr=1e-7,0.05;drop_path=0,0.1 contradict each other: leave one of them out")
	cli(t, vtabSearch(root, out, "--grid", "precision=fp32,bf16", "--precision", "fp16")...).want(t, exitUsage, "--precision fp16 and --grid precision=fp32,bf16 contradict each other")
	cli(t, vtabSearch(root, out, "--task", "eurosat,svhn")...).want(t, exitUsage, "exactly one")
	cli(t, vtabSearch(root, out, "--task", "nosuch")...).want(t, exitUsage, `--task "nosuch": a search needs exactly one`)
	cli(t, vtabSearch(root, out, "--method", "all")...).want(t, exitUsage, `--method "all": a search needs exactly one of`)
	cli(t, vtabSearch(root, out, "--format", "html")...).want(t, exitUsage, "html")
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused call writes results")
	}
}

// TestVtabMachineFlags: the cells use and record fine-tune's flags for memory and for TensorBoard.
func TestVtabMachineFlags(t *testing.T) {
	root := vtabRoot(t, "eurosat")
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	cli(t, vtabRun(root, whole)...).want(t, exitDone)
	cli(t, vtabRun(root, parts, "--micro-batch", "2", "--recompute", "blocks", "--tensorboard")...).want(t, exitDone)
	a, b := readCell(t, whole, "eurosat", "dtl", 42), readCell(t, parts, "eurosat", "dtl", 42)
	var config struct {
		MicroBatch int    `json:"micro_batch"`
		Recompute  string `json:"recompute"`
	}
	decode(t, b.Run.Config, &config)
	if config.MicroBatch != 2 || config.Recompute != "blocks" {
		t.Errorf("%s", b.Run.Config)
	}
	if a.StepMemory == nil || b.StepMemory == nil || b.StepMemory.Peak >= a.StepMemory.Peak {
		t.Errorf("memory of a step of 8 images %+v, two at a time %+v", a.StepMemory, b.StepMemory)
	}
	for out, want := range map[string]int{whole: 0, parts: 1} {
		events, err := filepath.Glob(filepath.Join(vtab.WorkPath(out, "eurosat", "dtl", 42), "*tfevents*"))
		if err != nil || len(events) != want {
			t.Errorf("event files %v, %v", events, err)
		}
		for _, name := range result.EvaluationFiles() { // a sweep has thousands of cells
			if _, err := os.Stat(filepath.Join(vtab.WorkPath(out, "eurosat", "dtl", 42), name)); err == nil {
				t.Errorf("a cell leaves %s", name)
			}
		}
	}
}

// TestVtabTasksAtHand: without --tasks the tasks with a folder are trained, and the others are named; with --tasks all they fail.
func TestVtabTasksAtHand(t *testing.T) {
	root, out := vtabRoot(t, "eurosat", "cifar-100"), filepath.Join(t.TempDir(), "results")
	flags := []string{"--methods", "linear", "--set", "epochs=1,batch=8"}
	atHand := func(root string) []string {
		args := vtabRun(root, out, flags...)
		i := slices.Index(args, "--tasks")
		return slices.Delete(args, i, i+2)
	}
	cli(t, atHand(root)...).want(t, exitDone,
		"has no folder for 17 of the 19 tasks, which are left out: caltech101, dtd,", "smallnorb_ele", "cells 2/2 done")
	cli(t, vtabRun(root, out, append(flags, "--tasks", "natural")...)...).want(t, exitFailed, "has no folder for the task caltech101")
	cli(t, atHand(t.TempDir())...).want(t, exitUsage, "has no folder of any VTAB-1k task: their folders are named cifar,")
}
