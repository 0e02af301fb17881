// Package summary makes the table of domain generalisation from the files of finished cells: for each method the accuracy on the source,
// on each target, and their mean over the targets, over the available seeds. It computes from these files only, leaves missing values
// blank and names them.
package summary

import (
	"fmt"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/domain"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/sweep/tabulate"
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
	if err := tabulate.Check(c.Format, c.Folders); err != nil {
		return err
	}
	p := tabulate.Printer[source]{
		Read: read,
		None: "no results in %s: looked for SOURCE/METHOD/seed-S.json, as 'dtl-tf domain run --out' writes them",
		Print: func(all []source, bad []error) error {
			cells, err := c.choose(all)
			if err != nil {
				return err
			}
			if err := tabulate.CheckOrigin(cells); err != nil {
				return err
			}
			t := build(cells, bad, c.Mask)
			if n := len(all) - len(cells); n > 0 {
				t.Notes = append(t.Notes, c.leftOut(all, n))
			}
			return t.render(ui.Out, c.Format)
		},
	}
	return p.Run(c.Folders, ui)
}

// choose returns the cells of one source and of one protocol: one training for all targets, or one for each.
func (c Config) choose(all []source) ([]source, error) {
	sources := tabulate.Distinct(all, func(s source) string { return s.Source })
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
	return tabulate.Gather(folders, domain.ReadCells, func(c domain.Cell, path string) source { return source{c, path} })
}

// File is the cell as package sweep takes it. The official training lists differ from seed to seed.
func (s source) File() sweep.File {
	data := s.Source
	if s.Target != "" {
		data += " to " + s.Target
	}
	if s.Source == domain.Source {
		data = fmt.Sprintf("%s seed %d", data, s.Seed)
	}
	return sweep.File{Key: s.Key(), Data: data, Path: s.path, Method: s.Method, Seed: s.Seed, Outcome: &s.Outcome}
}
