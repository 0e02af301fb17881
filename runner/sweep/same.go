package sweep

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/data/augment"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
)

// defaultPool stands for the pooling of a cell without an override.
const defaultPool = "as the method has it"

// checkSame returns an error if a finished cell has other settings than the job: a table must not mix settings.
func (j Job) checkSame(o *Outcome, backbone result.Backbone) error {
	had, err := o.Recipe.With(o.Overrides)
	if err != nil {
		return &BadCellError{Path: j.File, Err: err}
	}
	record, err := finetune.ReadRecord(o.Run.Config)
	if err != nil {
		return &result.ForeignError{Err: fmt.Errorf("%s: %w", j.File, err)}
	}
	f := j.Config
	for _, v := range []struct {
		setting    string
		had, asked any
	}{
		{"evaluation on", cmp.Or(record.EvalSplit, data.Test), cmp.Or(f.EvalSplit, data.Test)},
		{"lr", had.LR, f.LearningRate}, {"weight_decay", had.WeightDecay, f.WeightDecay}, {"drop_path", had.DropPath, f.DropPath},
		{"epochs", had.Epochs, f.Epochs}, {"batch", had.Batch, f.Batch}, {"options", fmt.Sprint(had.Options), fmt.Sprint(map[string]string(f.Options))},
		{"pool", cmp.Or(o.Overrides[recipe.Pool], defaultPool), cmp.Or(j.Overrides[recipe.Pool], defaultPool)},
		{"precision", record.Precision, f.Precision}, {"approximate gradients", record.Recompute.Approximate(), f.Recompute.Approximate()}, {"drop-path-scope", record.DropPathScope, cmp.Or(f.DropPathScope, dtl.DropPathAll)},
		{"seed", record.Seed, f.Seed}, {"augment", canonical(record.Augment), canonical(f.Augment)}, {"views", record.Views, f.Views},
		{"test-resize", record.TestResize, f.TestResize}, {"select", cmp.Or(record.Select, finetune.SelectLast), cmp.Or(f.Select, finetune.SelectLast)},
		{"select-every", cmp.Or(record.SelectEvery, 1), cmp.Or(f.SelectEvery, 1)}, {"patience", record.Patience, f.Patience}, {"the targets", targets(record.Config), targets(f)},
	} {
		if v.had != v.asked {
			return j.differs(v.setting, v.had, v.asked)
		}
	}
	if d := o.Run.Backbone.Difference(backbone); d != nil {
		return j.differs(d.Setting, d.First, d.Second)
	}
	if turned(o.Run.Data, record.Exif, f.Exif) {
		return j.differs("exif", record.Exif, f.Exif)
	}
	return nil
}

// turned reports whether a cell turned images that this call uses as they are stored, as cells of official lists did in earlier versions. Where no
// image has an orientation, both are the same.
func turned(d result.Data, had, asked string) bool {
	return had == finetune.ExifOn && asked == finetune.ExifOff && d.Turned > 0
}

func (j Job) differs(setting string, had, asked any) error {
	return runner.Usagef("%s was made with %s %v, but this call asks for %v: choose another --out, or remove the file to make it again", j.File, setting, had, asked)
}

// dataCheck compares the images of finished cells with those of their jobs.
type dataCheck struct {
	note runner.NoteFunc
	read map[string]string // fingerprints, by what decides them
}

// check returns an error if a finished cell was made with other images than the job's. It reads them only if they lie elsewhere, and once
// for all cells. A cell whose data is gone stays.
func (d *dataCheck) check(ctx context.Context, j Job, o *Outcome) error {
	record, err := finetune.ReadRecord(o.Run.Config)
	if err != nil {
		return &result.ForeignError{Err: fmt.Errorf("%s: %w", j.File, err)}
	}
	f := j.Config
	if j.Find != nil && j.Find(&f) != nil {
		return nil
	}
	had, asked := places(record.Config), places(f)
	i := 0
	for i < min(len(had), len(asked)) && had[i] == asked[i] {
		i++
	}
	if i == len(had) && i == len(asked) {
		return nil
	}
	key := fmt.Sprintf("%q", append(asked, f.TrainSplit, f.EvalSplit, f.Select))
	if f.Val > 0 || f.Test > 0 || f.Holdout > 0 {
		key += fmt.Sprint(f.Val, f.Test, f.Holdout, f.Seed)
	}
	found, known := d.read[key]
	if !known {
		d.note("%s was made with data in other folders: reading these to compare", j.Name)
		if found, err = f.DataFingerprint(ctx); err != nil {
			return err
		}
		d.read[key] = found
	}
	if found != o.Run.Data.Fingerprint {
		return j.differs("the images of", strings.Join(had[i:], " and "), strings.Join(asked[i:], " and "))
	}
	return nil
}

// places are the folders and lists from which a training reads images, in order.
func places(c finetune.Config) []string {
	list := []string{c.Data}
	for _, split := range slices.Sorted(maps.Keys(c.Lists)) {
		list = append(list, c.Lists[split].File, c.Lists[split].Images)
	}
	for _, t := range c.Targets {
		list = append(list, t.Folder)
		if t.List != nil {
			list = append(list, t.List.File, t.List.Images)
		}
	}
	for i, path := range list {
		if path != "" {
			list[i] = filepath.Clean(path)
		}
	}
	return list
}

// targets are the names of the domains that a model is tested on.
func targets(c finetune.Config) string {
	var names []string
	for _, t := range c.Targets {
		names = append(names, t.Name)
	}
	return strings.Join(names, ",")
}

// canonical is a list of augmentations in the usual spelling.
func canonical(list string) string {
	p, err := augment.Parse(list)
	if err != nil {
		return list // Config.Check reports it
	}
	return p.String()
}
