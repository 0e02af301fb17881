// Package summary makes the table of domain generalisation from the files of finished cells: for each method the accuracy on the source,
// on each target, and their mean over the targets, over the available seeds. It computes from these files only, leaves missing values
// blank and names them.
package summary

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/domain"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
)

// Config selects what is printed.
type Config struct {
	Folders   []string // results of 'domain run', at least one
	Format    string   // one of report.PaperFormats
	Source    string   // whose results are printed; "" if there is one only
	PerTarget bool     // print the trainings for single targets
	Mask      bool     // add rows with the answers among the classes of each target only
}

// Run prints the table of the cells in the folders. It names unreadable files on ui.Err, leaves them out, and returns an error after
// printing the table.
func Run(c Config, ui runner.UI) error {
	switch {
	case !slices.Contains(report.PaperFormats(), c.Format):
		return runner.Unknown("format", c.Format, report.PaperFormats())
	case len(c.Folders) == 0:
		return runner.Usagef("give the folder with the results, or several")
	}
	all, bad, err := read(c.Folders)
	for _, b := range bad {
		fmt.Fprintf(ui.Err, "left out: %v\n", b)
	}
	if err != nil {
		return err
	}
	if len(all) == 0 && len(bad) == 0 {
		return fmt.Errorf("no results in %s: looked for SOURCE/METHOD/seed-S.json, as 'dtl-tf domain run --out' writes them", strings.Join(c.Folders, ", "))
	}
	cells, err := c.choose(all)
	if err != nil {
		return err
	}
	if err := sweep.CheckOrigin(files(cells)); err != nil {
		return err
	}
	t := build(cells, bad, c.Mask)
	if n := len(all) - len(cells); n > 0 {
		t.Notes = append(t.Notes, c.leftOut(all, n))
	}
	if err := t.render(ui.Out, c.Format); err != nil {
		return err
	}
	if len(bad) > 0 {
		text := fmt.Sprintf("the table lacks %s; remove or repair, and run the cells again:", report.Count(len(bad), "unreadable file"))
		for _, b := range bad {
			text += "\n  " + b.Error()
		}
		return errors.New(text)
	}
	return nil
}

// choose returns the cells of one source and of one protocol: one training for all targets, or one for each.
func (c Config) choose(all []source) ([]source, error) {
	sources := distinct(all, func(s source) string { return s.Source })
	switch {
	case c.Source == "" && len(sources) > 1:
		return nil, runner.Usagef("the results are of the sources %s, and a table is of one: choose it with --source", strings.Join(sources, ", "))
	case c.Source != "" && !slices.Contains(sources, c.Source):
		return nil, runner.Usagef("--source %s: there are only results of %s", c.Source, strings.Join(sources, ", "))
	}
	perTarget := c.PerTarget
	keep := func() []source {
		return slices.DeleteFunc(slices.Clone(all), func(s source) bool {
			return c.Source != "" && s.Source != c.Source || (s.Target != "") != perTarget
		})
	}
	cells := keep()
	if len(cells) == 0 && len(all) > 0 {
		if c.PerTarget {
			return nil, runner.Usagef("--per-target: all results are of one training for all targets: leave it out")
		}
		perTarget = true
		cells = keep()
	}
	return cells, nil
}

// leftOut says which results the table does not hold.
func (c Config) leftOut(all []source, n int) string {
	var other []string
	for _, s := range all {
		switch {
		case c.Source != "" && s.Source != c.Source:
			other = append(other, "of the source "+s.Source)
		case c.PerTarget && s.Target == "":
			other = append(other, "of one training for all targets")
		case !c.PerTarget && s.Target != "":
			other = append(other, "of trainings for single targets (--per-target prints them)")
		}
	}
	slices.Sort(other)
	return fmt.Sprintf("Not in this table: %s %s.", report.Count(n, "cell"), strings.Join(slices.Compact(other), " and "))
}

// source is a cell with the path of its file.
type source struct {
	domain.Cell
	path string
}

// read collects the cells of all folders, one file each. bad has an error for each file that is not a valid cell.
func read(folders []string) (cells []source, bad []error, err error) {
	var seen []string
	var all []source
	for _, folder := range folders {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, nil, fmt.Errorf("results: %w", err)
		}
		if slices.Contains(seen, absolute) {
			continue
		}
		seen = append(seen, absolute)
		list, broken, err := domain.ReadCells(folder)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, broken...)
		for _, c := range list {
			all = append(all, source{c, c.Path(folder)})
		}
	}
	keep, err := sweep.Merge(files(all))
	for _, i := range keep {
		cells = append(cells, all[i])
	}
	return cells, bad, err
}

// files are the cells as package sweep takes them. The official training lists differ from seed to seed.
func files(cells []source) (list []sweep.File) {
	for i := range cells {
		c := &cells[i]
		data := c.Source
		if c.Target != "" {
			data += " to " + c.Target
		}
		if c.Source == domain.Source {
			data = fmt.Sprintf("%s seed %d", data, c.Seed)
		}
		list = append(list, sweep.File{Key: c.Key(), Data: data, Path: c.path, Outcome: &c.Outcome})
	}
	return list
}
