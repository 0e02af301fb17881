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
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/report"
)

// Config selects what is checked.
type Config struct {
	Data string // a folder or a table
	JSON bool   // print a Report as JSON
}

// member is a picture of the data set.
type member struct {
	data.Item
	split string
	data.Examined
}

// Run checks a data set and prints a report. It returns an error if there are problems: findings that make training impossible or
// its result wrong.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	set, err := data.Open(c.Data)
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
	reader := data.Images{Decoder: decoder}
	err = data.Each(ctx, len(images), func(i int) { images[i].Examined = reader.Examine(images[i].Path) }, progress.Task("reading images", len(images)))
	progress.Break()
	if err != nil {
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

// refused reports why a data set can't be opened: all faults of a table, or else the error.
func refused(c Config, err error, ui runner.UI) error {
	var f finding.List
	if data.IsTable(c.Data) {
		for _, fault := range data.TableFaults(c.Data) {
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

// imagesOf lists the files of a set, each once, with its first split. The splits train and val of lists come before their union.
func imagesOf(set *data.Set) (images []member) {
	seen := map[string]bool{}
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
			if !seen[item.Path] {
				seen[item.Path] = true
				images = append(images, member{Item: item, split: name})
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
