package domain

import (
	"fmt"
	"slices"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
)

// experiment is a source with its targets.
type experiment struct {
	source   string
	folder   string // of the source, or the root of the official layout
	official bool
	test     *data.List        // the source's test images in the official layout; nil if they are not tested
	targets  []finetune.Target // other than the source, in the order of the table

	classes int // set by check
	images  int // for training, set by check
}

// newExperiment finds the domains that a Config names.
func newExperiment(c Config) (*experiment, error) {
	own := c.Source != "" || len(c.Target) > 0
	switch {
	case own && c.Data != "":
		return nil, runner.Usagef("--data is the official layout, --source and --target are your own domains: give one of the two")
	case !own && c.Data == "":
		return nil, runner.Usagef("--data or --source is required: name the folder of the official layout, or your own domains with --source NAME=FOLDER and --target NAME=FOLDER")
	case !own:
		return openOfficial(c.Data, c.Targets)
	case c.Source == "":
		return nil, runner.Usagef("--source is required with --target: name the domain to train on, such as --source photo=FOLDER")
	case c.Targets != "":
		return nil, runner.Usagef("--targets chooses among those of the official layout: name your own with --target NAME=FOLDER")
	case c.PerTarget:
		return nil, runner.Usagef("--per-target trains with the published recipe of each target, and your own domains have none: leave it out")
	}
	return openOwn(c.Source, c.Target)
}

// trainings are what single trainings are for: all targets, written "", or each target by its name.
func (e *experiment) trainings(perTarget bool) (targets []string) {
	if !perTarget {
		return []string{""}
	}
	if e.test != nil {
		targets = append(targets, e.source)
	}
	for _, t := range e.targets {
		targets = append(targets, t.Name)
	}
	return targets
}

// configure sets the data of a training with a seed for a target, or for all if target is "".
func (e *experiment) configure(f *finetune.Config, seed uint64, target string) {
	f.Data, f.Classes = e.folder, e.classes
	f.Targets = slices.DeleteFunc(slices.Clone(e.targets), func(t finetune.Target) bool { return target != "" && t.Name != target })
	if e.official {
		f.Lists, f.TrainSplit = e.lists(seed, target == "" || target == e.source), e.trainSplit()
		f.Exif = finetune.ExifOff // the official code does not turn images
	} else {
		f.Seed = seed
	}
}

// check reads all lists or folders that the trainings will read, without the pictures, before days of training.
func (e *experiment) check(seeds []uint64) (notes []string, err error) {
	first, err := e.open(seeds[0])
	if err != nil {
		return nil, err
	}
	if first.ClassNames == nil && !e.official {
		return nil, runner.Usagef("--source %s=%s: it has lists, in which classes are numbers: domains need class folders, whose names are compared", e.source, e.folder)
	}
	e.classes = first.Classes
	counts := map[string]int{}
	if tested, err := first.Split(data.Test); err == nil {
		counts[e.source] = len(tested)
	} else if !e.official {
		notes = append(notes, fmt.Sprintf("the source %s has no test images in %s: its column stays empty", e.source, e.folder))
	}
	for _, note := range first.Notes {
		notes = append(notes, e.source+": "+note)
	}
	training, err := first.Split(e.trainSplit())
	if err != nil {
		return nil, err
	}
	e.images = len(training)
	for _, t := range e.targets {
		items, more, err := t.Open(first)
		if err != nil {
			return nil, err
		}
		counts[t.Name] = len(items)
		notes = append(notes, more...)
	}
	if !e.official {
		return notes, nil
	}
	for _, seed := range seeds[1:] {
		if _, err := data.OpenListed(e.folder, e.lists(seed, false), classes, nil); err != nil {
			return nil, err
		}
	}
	return append(notes, sizeNotes(counts)...), nil
}

// trainSplit is the split to train on.
func (e *experiment) trainSplit() string {
	if e.official {
		return data.Train
	}
	return data.TrainVal
}

// open opens the source.
func (e *experiment) open(seed uint64) (*data.Set, error) {
	if e.official {
		return data.OpenListed(e.folder, e.lists(seed, true), classes, nil)
	}
	return data.Open(e.folder)
}
