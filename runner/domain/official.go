package domain

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
)

// Source is the source of the official experiment, and the name of its test images among the targets.
const Source = "imagenet"

// classes are those of ImageNet-1k. The labels of all official lists are their numbers, also those of targets with fewer classes.
const classes = 1000

// official are the targets in the order of papers' tables, with the folders of their pictures and the numbers of images in the official
// lists.
var official = []struct {
	name, images string
	count        int
}{
	{Source, "images/val", 50_000},
	{"imagenetv2", "", 10_000},
	{"imagenet-sketch", "", 50_889},
	{"imagenet-adversarial", "", 7_500},
	{"imagenet-rendition", "", 30_000},
}

// OfficialTargets lists the targets of the official experiment.
func OfficialTargets() (names []string) {
	for _, t := range official {
		names = append(names, t.name)
	}
	return names
}

// The official layout below its root: ROOT/TARGET/annotations/val_meta.list, whose pictures are ROOT/TARGET/NAME except ImageNet's, and
// the training lists beside ImageNet's.
const (
	annotations = "annotations"
	testList    = "val_meta.list"
	trainImages = "images/train"
)

// trainList is the list of training images with a split seed.
func trainList(root string, seed uint64) data.List {
	return data.List{
		File:   filepath.Join(root, Source, annotations, fmt.Sprintf("train_meta.list.num_shot_16.seed_%d", seed)),
		Images: filepath.Join(root, Source, filepath.FromSlash(trainImages)),
	}
}

// selectTargets parses all, or a comma-separated list of official targets.
func selectTargets(text string) (names []string, err error) {
	known := OfficialTargets()
	if text = strings.TrimSpace(text); text == "" || text == "all" {
		return known, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(known, name) {
			return nil, runner.Usagef("--targets: target %q is unknown%s; use all, or some of %s", name, spell.DidYouMean(name, known), strings.Join(known, ", "))
		}
		names = append(names, name)
	}
	return slices.DeleteFunc(known, func(name string) bool { return !slices.Contains(names, name) }), nil // in the usual order
}

// openOfficial finds targets in the official layout. Check reads the lists.
func openOfficial(root, targets string) (*experiment, error) {
	names, err := selectTargets(targets)
	if err != nil {
		return nil, err
	}
	e := &experiment{source: Source, folder: root, official: true}
	for _, t := range official {
		if !slices.Contains(names, t.name) {
			continue
		}
		list := data.List{File: filepath.Join(root, t.name, annotations, testList), Images: filepath.Join(root, t.name, filepath.FromSlash(t.images))}
		if t.name == Source {
			e.test = &list
		} else {
			e.targets = append(e.targets, finetune.Target{Name: t.name, List: &list})
		}
	}
	return e, nil
}

// lists are the lists of a training with a split seed; with the source's test images if test is set.
func (e *experiment) lists(seed uint64, test bool) data.Lists {
	l := data.Lists{data.Train: trainList(e.folder, seed)}
	if test && e.test != nil {
		l[data.Test] = *e.test
	}
	return l
}

// sizeNotes names targets whose lists have another number of images than the official ones.
func sizeNotes(counts map[string]int) (notes []string) {
	for _, t := range official {
		if n, ok := counts[t.name]; ok && n != t.count {
			notes = append(notes, fmt.Sprintf("%s has %d images, the official list %d", t.name, n, t.count))
		}
	}
	return notes
}
