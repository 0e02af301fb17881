package finetune

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/class"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// Target is another domain on which the trained model is tested: a data set with classes of the training data. It has a folder of class
// folders, whose names count, or a list, whose labels are those of the training data.
type Target struct {
	Name   string     `json:"name"`
	Folder string     `json:"folder,omitempty"`
	List   *data.List `json:"list,omitempty"`
}

// Open finds the images of a target, without reading them, and gives them the labels of the source. Their names begin with that of
// the target. A class that the source lacks is an error.
func (t Target) Open(source *data.Set) (items []data.Item, notes []string, err error) {
	if t.List != nil {
		set, err := data.OpenListed(source.Root, data.Lists{data.Test: *t.List}, source.Classes, nil)
		if err == nil {
			items, err = set.Split(data.Test)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("target %s: %w", t.Name, err)
		}
		return t.named(items), nil, nil
	}
	set, err := data.Open(t.Folder)
	if err != nil {
		return nil, nil, fmt.Errorf("target %s: %w", t.Name, err)
	}
	for _, note := range set.Notes {
		notes = append(notes, t.Name+": "+note)
	}
	split := data.Test
	if !slices.Contains(set.Splits(), data.Test) {
		split = data.TrainVal
	}
	if items, err = set.Split(split); err != nil {
		return nil, nil, fmt.Errorf("target %s: %w", t.Name, err)
	}
	if split != data.Test {
		notes = append(notes, fmt.Sprintf("%s: %s has no test images of its own, so all its %d images are tested", t.Name, t.Folder, len(items)))
	}
	if err := t.relabel(items, set, source); err != nil {
		return nil, nil, err
	}
	return t.named(items), notes, nil
}

// relabel matches the classes of the target with those of the source by name.
func (t Target) relabel(items []data.Item, set, source *data.Set) error {
	if set.ClassNames == nil || source.ClassNames == nil {
		return runner.Usagef("target %s: its classes and those of the source must have names, so both must be class folders: %s has %s, %s has %s",
			t.Name, t.Folder, set.Layout, source.Root, source.Layout)
	}
	mine, theirs := class.Of(set), class.Of(source)
	mine.Owner, theirs.Owner = fmt.Sprintf("the target %s (%s)", t.Name, t.Folder), "the source "+source.Root
	m := class.Find(mine, theirs)
	if !slices.ContainsFunc(m.To, func(to int) bool { return to >= 0 }) {
		return runner.Usagef("%s and %s have no class in common: %s against %s", mine.Owner, theirs.Owner, spell.Few(mine.Names, 3), spell.Few(theirs.Names, 3))
	}
	return m.Relabel(items)
}

// named puts the name of the target before those of its images.
func (t Target) named(items []data.Item) []data.Item {
	for i := range items {
		items[i].Name = t.Name + "/" + items[i].Name
	}
	return items
}

// testedTwice says how many files of a test set are also in another, "" if none is.
func testedTwice(first, second data.Part) string {
	in := map[[sha256.Size]byte]bool{}
	for _, sum := range first.Sums {
		in[sum] = true
	}
	n := 0
	for _, sum := range second.Sums {
		if in[sum] {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d images of %s are also in %s, as files with the same content: they are not another domain", n, len(second.Items), second.Name, first.Name)
}

// target is an open Target.
type target struct {
	name   string
	items  []data.Item
	loader *data.Loader
}

// openTargets finds the images of all targets.
func (c Config) openTargets(source *data.Set, note runner.NoteFunc) (list []target, err error) {
	for _, t := range c.Targets {
		items, notes, err := t.Open(source)
		if err != nil {
			return nil, err
		}
		runner.NoteAll(notes, note)
		list = append(list, target{name: t.Name, items: items})
	}
	return list, nil
}

// takeOver takes over the accuracies that an earlier process has measured after the training, because all targets may take longer
// than the training. run.json does not name images that could not be read, so if there are some, everything is measured again.
func (r *run) takeOver(old result.Run) {
	if len(r.data.targets) == 0 || old.Progress != r.record.Progress || r.from.StepInEpoch > 0 || old.Data.Skipped > 0 {
		return
	}
	r.record.Accuracy, r.record.Targets = old.Accuracy, old.Targets
	r.record.Measurements.EvaluationSeconds = old.Measurements.EvaluationSeconds
}

// evaluateTargets measures the accuracy on each target that an earlier process has not measured, and saves each.
func (r *run) evaluateTargets(ctx context.Context) error {
	for i, t := range r.data.targets {
		if err := r.save(); err != nil {
			return err
		}
		if i < len(r.record.Targets) && r.record.Targets[i].Name == t.name {
			continue
		}
		begun := result.Now()
		progress := report.NewProgress(r.ui.Err, r.ui.Quiet)
		score, masked, err := classify.Top1Masked(ctx, r.trainer, t.loader, r.backbone.ImageSize(), occurring(t.items, r.data.classes),
			progress.Task("evaluating "+t.name, len(t.items)))
		progress.Break()
		if err != nil {
			return fmt.Errorf("target %s: %w", t.name, err)
		}
		doubt := score.Doubt.Words(r.data.className)
		if doubt != "" {
			r.ui.Note("target %s: the classifier seems to know nothing about these images: %s", t.name, doubt)
		}
		r.record.Targets = append(r.record.Targets[:min(i, len(r.record.Targets))], result.Target{
			Name: t.name, Top1: score.Top1, Images: score.Images, Masked: masked, Classes: count(occurring(t.items, r.data.classes)), Doubt: doubt,
		})
		r.record.Measurements.EvaluationSeconds += result.Now().Sub(begun).Seconds()
		r.record.Data.Skipped = r.data.skipped.Count()
	}
	return nil
}

// occurring tells for each class whether images have it.
func occurring(items []data.Item, classes int) []bool {
	is := make([]bool, classes)
	for _, item := range items {
		is[item.Label] = true
	}
	return is
}

func count(values []bool) (n int) {
	for _, v := range values {
		if v {
			n++
		}
	}
	return n
}
