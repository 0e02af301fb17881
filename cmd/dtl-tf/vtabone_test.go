package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/vtab"
)

// TestVtabOneRecipe: the search opens no test image, its accuracies are those of searches on the tasks one by one, the cells of the table are
// trained with its choice, and a later call takes the choice over.
func TestVtabOneRecipe(t *testing.T) {
	root := vtabRoot(t, "eurosat", "cifar")
	tests := map[string][]byte{}
	for _, task := range []string{"eurosat", "cifar"} {
		image := filepath.Join(root, task, "images", "test_03.png")
		tests[image] = read(t, image)
		write(t, image, []byte("no image"))
	}
	out := filepath.Join(t.TempDir(), "results")
	args := vtabRun(root, out, "--recipe", "one", "--grid", "lr=1e-7,0.05;rank=1,2", "--tasks", "eurosat,cifar,svhn", "--set", "epochs=2,batch=6", "--step-memory=false")
	cli(t, append(args, "--shard", "1/2")...).want(t, exitFailed, "one recipe is chosen on 2 tasks", "no folder for svhn", "4 points of lr=1e-7,0.05;rank=1,2 for dtl",
		"cells 8/8 done", "one recipe for dtl: lr=", " failed, for the reasons above")
	for image, content := range tests {
		write(t, image, content)
	}
	expect.NoError(t, os.RemoveAll(filepath.Join(out, sweep.WorkFolder))) // trained on other data
	cli(t, args...).want(t, exitFailed, "one recipe for dtl, chosen before: lr=", "svhn dtl (one recipe) seed 42: failed", "1 cell of 3 failed")

	chosen, err := vtab.ReadOneRecipe(filepath.Join(out, vtab.OneFolder, "dtl.json"))
	expect.NoError(t, err)
	if len(chosen.Tasks) != 2 || chosen.Tasks[0].Counts["train"] != 18 || len(chosen.Points) != 4 {
		t.Errorf("%+v", chosen)
	}
	best := 0.0
	for _, p := range chosen.Points {
		if best = max(best, *p.Mean); *p.Mean != (p.Top1["cifar"]+p.Top1["eurosat"])/2 {
			t.Errorf("the mean of %v is %v", p.Top1, *p.Mean)
		}
	}
	for _, p := range chosen.Points {
		if p.Point.String() == chosen.Point.String() && *p.Mean != best {
			t.Errorf("%v with %v is chosen, %v is the best", p.Point, *p.Mean, best)
		}
	}
	search := filepath.Join(t.TempDir(), "search")
	cli(t, vtabSearch(root, search, "--task", "cifar", "--grid", "lr=1e-7,0.05", "--set", "epochs=2,batch=6,drop_path=0.1")...).want(t, exitDone)
	for _, p := range chosen.Points {
		if p.Point["rank"] != "2" { // that of the recipes
			continue
		}
		c, err := vtab.ReadCell(filepath.Join(search, "lr="+p.Point["lr"], "cifar", "dtl", "seed-42.json"))
		if expect.NoError(t, err); c.Run.Accuracy.Top1 != p.Top1["cifar"] {
			t.Errorf("a search on cifar finds %v at %v, one for all tasks %v", c.Run.Accuracy.Top1, p.Point, p.Top1)
		}
	}
	cells, bad, err := vtab.ReadCells(out)
	if err != nil || len(bad) > 0 || len(cells) != 3 {
		t.Fatalf("%d cells, %v, %v", len(cells), bad, err)
	}
	for _, c := range cells {
		if !c.One() || c.Status == result.Finished && (c.Method == "dtl" && !reflect.DeepEqual(c.Recipe, chosen.Recipe) || c.Run.Accuracy.Split != "test") {
			t.Errorf("%s: %+v", c.Key(), c.Recipe)
		}
	}
	// The published recipes' cells go beside them.
	cli(t, vtabRun(root, out, "--step-memory=false")...).want(t, exitDone)
	o := cli(t, "vtab", "table", out, "--format", "markdown")
	o.want(t, exitDone)
	for _, text := range []string{"| DTL [", "| DTL, one recipe [", "chosen on val200 of cifar, eurosat with seed 42 as the best of 4 points"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("the table lacks %q:\n%s", text, o.out)
		}
	}
	before := tree(t, out)
	cli(t, append(args, "--grid", "lr=0.05")...).want(t, exitUsage, "was chosen with the grid lr=1e-7,0.05;rank=1,2, but this call asks for lr=0.05")
	cli(t, append(args, "--tasks", "eurosat")...).want(t, exitUsage, "was chosen with the tasks cifar, eurosat, but this call asks for eurosat")
	cli(t, vtabRun(root, out, "--grid", "lr=0.05")...).want(t, exitUsage, "--grid needs --recipe one")
	if !reflect.DeepEqual(tree(t, out), before) {
		t.Error("a refused call changes results")
	}
	if _, err := os.Stat(filepath.Join(out, ".search", "lr=1e-7,rank=1", "cifar", "dtl", "seed-42.json")); err != nil {
		t.Error(err)
	}
}

// TestVtabOneShared: processes with different shards work on one search, agree on its choice, and train each cell once.
func TestVtabOneShared(t *testing.T) {
	need.Heavy(t, "runs a search in several processes")
	root := vtabRoot(t, "eurosat", "svhn", "cifar")
	out := filepath.Join(t.TempDir(), "results")
	args := vtabRun(root, out, "--tasks", "eurosat,svhn,cifar", "--methods", "linear,dtl,lora", "--recipe", "one", "--grid", "lr=1e-7,0.05,0.02", "--set", "epochs=2,batch=6", "--step-memory=false")
	a, b := launch(t, wholeProgram, append(args, "--shard", "1/2")...), launch(t, wholeProgram, append(args, "--shard", "2/2")...)
	for _, p := range []*process{a, b} {
		p.end().want(t, exitDone, "cells 27/27 done", "one recipe for lora: lr=")
	}
	cells, bad, err := vtab.ReadCells(out)
	if err != nil || len(bad) > 0 || len(cells) != 9 {
		t.Fatalf("%d cells, %v, %v", len(cells), bad, err)
	}
	recipes, share := map[string]recipe.Recipe{}, map[int]int{}
	for _, c := range cells {
		if first, ok := recipes[c.Method]; ok && !reflect.DeepEqual(first, c.Recipe) {
			t.Errorf("%s: %+v, another cell has %+v", c.Key(), c.Recipe, first)
		}
		recipes[c.Method] = c.Recipe
		share[c.Machine.Process]++
	}
	if len(share) != 2 {
		t.Errorf("one process had all the work: %v", share)
	}
}
