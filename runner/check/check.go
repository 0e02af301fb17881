// Package check looks a data set over before training: files that can't be read, pictures that are in it twice, and properties that
// users should know.
package check

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"dtl-tf/graph/jpeg"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/report"
)

// Config selects what is checked.
type Config struct {
	Data string // a folder or a table
	Loss string // finetune.LossSigmoid: images have any number of labels
	JSON bool   // print a Report as JSON
}

// member is a place of the data set with a picture.
type member struct {
	data.Item
	split string
	again bool // an earlier member has the same path
	data.Examined
}

// Run checks a data set and prints a report. It returns an error if there are problems: findings that make training impossible or
// its result wrong.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	set, err := c.open()
	if usage := new(runner.UsageError); errors.As(err, &usage) {
		return err
	}
	if err != nil {
		return refused(c, err, ui)
	}
	images := imagesOf(set)
	decoder, err := jpeg.NewDecoder(0)
	if err != nil {
		return err
	}
	defer decoder.Close()
	progress := report.NewProgress(ui.Err, ui.Quiet)
	if err := examine(ctx, images, data.Images{Decoder: decoder}, progress); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	r := newReport(c.Data, set, images)
	var f finding.List
	for _, note := range set.Notes {
		f.Remark(note, set.Root, "%s", note)
	}
	reportFiles(images, &f)
	reportClasses(set, images, &f)
	reportCopies(set, images, &f)
	if err := reportAlike(ctx, set, images, &f); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	reportTraits(set, images, &f)
	r.Findings, r.Problems = f.All(), f.Problems()
	if err := r.print(ui.Out, c.JSON); err != nil {
		return err
	}
	if r.Problems > 0 {
		return errors.New(report.Count(r.Problems, "problem") + " in " + c.Data)
	}
	return nil
}

// open opens the data set as training with the loss does.
func (c Config) open() (*data.Set, error) {
	losses := []string{finetune.LossSoftmax, finetune.LossSigmoid}
	switch {
	case c.Loss != "" && !slices.Contains(losses, c.Loss):
		return nil, runner.Unknown("loss", c.Loss, losses)
	case c.Loss != finetune.LossSigmoid:
		return data.Open(c.Data)
	case !data.IsTable(c.Data):
		return nil, runner.Usagef("--loss bce is not possible with %s: class folders and lists give an image one class: write a table, .csv, .tsv or .jsonl", c.Data)
	}
	return data.OpenSeveral(c.Data)
}

// refused reports why a data set can't be opened: all faults of a table, or else the error.
func refused(c Config, err error, ui runner.UI) error {
	var f finding.List
	if data.IsTable(c.Data) {
		faults := data.TableFaults
		if c.Loss == finetune.LossSigmoid {
			faults = data.SeveralFaults
		}
		for _, fault := range faults(c.Data) {
			f.Problem("faults of the table", c.Data, "%s", strings.TrimPrefix(fault.Error(), c.Data+" "))
		}
	}
	if f.Problems() == 0 {
		f.Problem("refused", c.Data, "%v", err)
	}
	r := Report{Data: spell.UTF8(c.Data), Findings: f.All(), Problems: f.Problems()}
	if err := r.print(ui.Out, c.JSON); err != nil {
		return err
	}
	return fmt.Errorf("%s in %s, whose images were not looked at", report.Count(r.Problems, "problem"), c.Data)
}

// examine reads the files of members, each once.
func examine(ctx context.Context, images []member, reader data.Images, progress *report.Progress) error {
	defer progress.Break()
	var files []int
	first := map[string]int{}
	for i := range images {
		if !images[i].again {
			first[images[i].Path] = i
			files = append(files, i)
		}
	}
	err := data.Each(ctx, len(files), func(i int) { m := &images[files[i]]; m.Examined = reader.Examine(m.Path) }, progress.Task("reading images", len(files)))
	for i := range images {
		images[i].Examined = images[first[images[i].Path]].Examined
	}
	return err
}

// imagesOf lists what the splits of a set hold, also what is listed twice. The union of the splits train and val of lists adds only what
// they lack.
func imagesOf(set *data.Set) (images []member) {
	type listed struct {
		path  string
		label int
	}
	seen, trained := map[string]bool{}, map[listed]bool{}
	for _, split := range splits(set) {
		items, err := set.Split(split)
		if err != nil {
			continue // not of those that Splits lists
		}
		name := split
		if split == data.TrainVal {
			name = data.Train
		}
		for _, item := range items {
			is := listed{item.Path, item.Label}
			if split == data.TrainVal && trained[is] {
				continue
			}
			images = append(images, member{Item: item, split: name, again: seen[item.Path]})
			seen[item.Path] = true
			if split == data.Train || split == data.Val {
				trained[is] = true
			}
		}
	}
	return images
}

// splits lists the splits of a set, the union of others last.
func splits(set *data.Set) []string {
	order := []string{data.Train, data.Val, data.Test, data.TrainVal}
	have := set.Splits()
	return slices.DeleteFunc(order, func(name string) bool { return !slices.Contains(have, name) })
}

// where names an image.
func (i *member) where() string { return path.Clean(i.Name) }
