package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/domain"
	"dtl-tf/runner/result"
)

// domainRun is the command line of a small sweep on two domains below root.
func domainRun(root, out string, more ...string) []string {
	return append([]string{"domain", "run", "--backbone", fixture.backbone, "--source", "photo=" + filepath.Join(root, "photo"),
		"--target", "sketch=" + filepath.Join(root, "sketch"), "--out", out, "--methods", "linear", "--set", "epochs=2,batch=6", "--step-memory=false"}, more...)
}

// domains writes a source with training and test images, and a target without one of its classes.
func domains(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	folders(t, filepath.Join(root, "photo"), "train", 4, spices)
	folders(t, filepath.Join(root, "photo"), "test", 3, spices)
	folders(t, filepath.Join(root, "sketch"), "", 2, map[string]int{"amber": 0, "cobalt": 2})
	return root
}

func readDomainCell(t *testing.T, out, method string, seed uint64) domain.Cell {
	t.Helper()
	c, err := domain.ReadCell(domain.Cell{Source: "photo", Method: method, Seed: seed}.Path(out))
	expect.NoError(t, err)
	return c
}

// TestDomainRun: a sweep on own domains trains once for all targets, continues, and refuses other targets for the same results.
func TestDomainRun(t *testing.T) {
	root, out := domains(t), filepath.Join(t.TempDir(), "results")
	args := domainRun(root, out, "--seeds", "1,2")
	cliUntil(t, "photo linear seed 1: ", args...).want(t, exitInterrupted, "interrupted with cells 1/2 done", "so all its 4 images are tested", "scaled to 9 x 9")
	o := cli(t, args...)
	o.want(t, exitDone, "1 of 2 cells are finished already", "cells 2/2 done", ", sketch ")
	c := readDomainCell(t, out, "linear", 2)
	r := c.Run
	if r.Accuracy.Images != 9 || len(r.Targets) != 1 || r.Targets[0].Images != 4 || r.Targets[0].Classes != 2 || r.Targets[0].Masked < r.Targets[0].Top1 || r.Progress.Epochs != 2 {
		t.Errorf("%+v, %+v", r.Accuracy, r.Targets)
	}
	if notes := strings.Join(r.Notes, "\n"); !strings.Contains(notes, "1 of 3 classes (basil) have no image in sketch: they are not tested") {
		t.Errorf("notes: %s", notes)
	}
	table := cli(t, "domain", "table", out, "--mask")
	table.want(t, exitDone)
	for _, text := range []string{"Linear, masked", "One training for all targets", "sketch 2 of 3", "1, 2"} {
		if !strings.Contains(table.out, text) {
			t.Errorf("the table lacks %q:\n%s", text, table.out)
		}
	}
	folders(t, filepath.Join(root, "ink"), "", 3, map[string]int{"amber": 0, "cobalt": 2})
	other := domainRun(root, out, "--seeds", "2")
	other[slices.Index(other, "--target")+1] = "sketch=" + filepath.Join(root, "ink")
	cli(t, other...).want(t, exitUsage, "was made with the images of "+filepath.Join(root, "sketch")+", but this call asks for "+filepath.Join(root, "ink"))
	folders(t, filepath.Join(root, "art"), "", 1, spices)
	cli(t, domainRun(root, out, "--seeds", "2", "--target", "art="+filepath.Join(root, "art"))...).want(t, exitUsage, "was made with the targets sketch, but this call asks for sketch,art")
	folders(t, filepath.Join(root, "art"), "", 1, map[string]int{"Basil": 1})
	cli(t, domainRun(root, filepath.Join(root, "other"), "--target", "art="+filepath.Join(root, "art"))...).want(t, exitUsage, "has images of classes that the source", "Basil (1 of 4 images)")
	cli(t, "domain", "run", "--data", root, "--out", filepath.Join(root, "other")).want(t, exitFailed, filepath.Join("imagenet", "annotations", "train_meta.list.num_shot_16.seed_0"))
	if _, err := os.Stat(filepath.Join(root, "other")); err == nil {
		t.Error("a refused call writes results")
	}
}

// TestDomainOfficial: the official layout, with one training for each of two targets and then one for both.
func TestDomainOfficial(t *testing.T) {
	root, out := t.TempDir(), filepath.Join(t.TempDir(), "results")
	for list, n := range map[string]int{"imagenet/train_meta.list.num_shot_16.seed_0": 6, "imagenet/val_meta.list": 4, "imagenet-rendition/val_meta.list": 3} {
		folder, name := filepath.Split(list)
		images, lists := filepath.Join(root, folder), filepath.Join(root, folder, "annotations")
		if folder == "imagenet/" {
			images = filepath.Join(images, "images", map[bool]string{true: "val", false: "train"}[name == "val_meta.list"])
		}
		expect.NoError(t, os.MkdirAll(lists, 0o777))
		expect.NoError(t, os.MkdirAll(images, 0o777))
		var text strings.Builder
		for i := range n {
			image := fmt.Sprintf("one of %d.png", i)
			expect.NoError(t, writeImage(filepath.Join(images, image), i%2, uint64(i)))
			fmt.Fprintf(&text, "%s %d\n", image, 500*(i%2))
		}
		write(t, filepath.Join(lists, name), []byte(text.String()))
	}
	args := []string{"domain", "run", "--data", root, "--backbone", fixture.backbone, "--out", out, "--methods", "linear", "--seeds", "0",
		"--targets", "imagenet,imagenet-rendition", "--set", "epochs=2,batch=3", "--step-memory=false"}
	cli(t, append(args, "--per-target")...).want(t, exitDone, "cells 2/2 done", "imagenet to imagenet linear seed 0", "imagenet-rendition has 3 images, the official list 30000")
	cli(t, args...).want(t, exitDone, "cells 1/1 done", "imagenet linear seed 0")
	c, err := domain.ReadCell(domain.Cell{Source: "imagenet", Method: "linear", Seed: 0}.Path(out))
	expect.NoError(t, err)
	if r := c.Run; r.Data.Classes != 1000 || r.Accuracy.Images != 4 || r.Targets[0].Images != 3 || r.Targets[0].Classes != 2 || r.Parameters.Classifier != 1000*17 || r.Targets[0].Masked == 0 {
		t.Errorf("%+v, %+v, %+v", r.Data, r.Accuracy, r.Targets)
	}
	for flag, want := range map[string]string{"--per-target": "One training for each target", "--mask": "One training for all targets"} {
		o := cli(t, "domain", "table", out, flag)
		if o.want(t, exitDone); !strings.Contains(o.out, want) || !strings.Contains(o.out, "Not in this table: ") {
			t.Errorf("%s: %s", flag, o.out)
		}
	}
}

// TestDomainPACS: the built-in backbone on real domains.
func TestDomainPACS(t *testing.T) {
	need.Heavy(t, "trains on photographs")
	pacs, out := need.Shared(t, "domains", "pacs"), filepath.Join(t.TempDir(), "results")
	args := []string{"domain", "run", "--source", "photo=" + filepath.Join(pacs, "photo"), "--methods", "dtl", "--set", "epochs=2", "--out", out}
	for name, folder := range map[string]string{"art": "art_painting", "cartoon": "cartoon", "sketch": "sketch"} {
		args = append(args, "--target", name+"="+filepath.Join(pacs, folder))
	}
	cli(t, args...).want(t, exitDone)
	r := readDomainCell(t, out, "dtl", 42).Run
	if r.Data.Classes != 7 || r.Data.Counts["trainval"] != 7*32 || r.Accuracy.Images != 7*50 || len(r.Targets) != 3 || r.Progress.Steps != 14 {
		t.Errorf("%+v, %+v, %+v", r.Data, r.Accuracy, r.Targets)
	}
	for _, target := range r.Targets {
		if target.Images != 7*50 || target.Classes != 7 || target.Masked != target.Top1 {
			t.Errorf("%+v", target)
		}
	}
	// the same model, evaluated by another command
	adapter := filepath.Join(domain.Cell{Source: "photo", Method: "dtl", Seed: 42}.WorkPath(out), result.AdapterFile)
	for _, target := range r.Targets {
		folder := map[string]string{"art": "art_painting"}[target.Name]
		if folder == "" {
			folder = target.Name
		}
		o := cli(t, "eval", "--adapter", adapter, "--data", filepath.Join(pacs, folder), "--json")
		o.want(t, exitDone)
		var score struct{ Top1 float64 }
		decode(t, []byte(o.out), &score)
		if !reflect.DeepEqual(score.Top1, target.Top1) {
			t.Errorf("eval of %s: %v, in the sweep %v", target.Name, score.Top1, target.Top1)
		}
	}
}
