// Package summary makes the table and the figure of the few-shot experiment from the files of finished cells: data sets against
// shots, for each method, with means over the split seeds and the average over the data sets. It computes from these files only,
// leaves missing values blank and names them.
package summary

import (
	"fmt"

	"dtl-tf/runner"
	"dtl-tf/runner/fewshot"
	"dtl-tf/runner/report"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/sweep/tabulate"
)

// Config selects what is printed.
type Config struct {
	Folders []string // results of 'fewshot run', at least one
	Format  string   // one of report.PaperFormats
	Plot    string   // file for the figure, .svg or .png; "": none
}

func (c Config) check() error {
	if err := tabulate.Check(c.Format, c.Folders); err != nil {
		return err
	}
	return tabulate.CheckPlot(c.Plot)
}

// Run prints the table of all cells in the folders, and writes the figure. It names unreadable files on ui.Err, leaves them out, and
// returns an error after printing the table.
func Run(c Config, ui runner.UI) error {
	if err := c.check(); err != nil {
		return err
	}
	p := tabulate.Printer[source]{
		Read: read,
		None: "no results in %s: looked for SET/shots-N/METHOD/seed-S.json, as 'dtl-tf fewshot run --out' writes them",
		Print: func(cells []source, bad []error) error {
			if err := tabulate.CheckOrigin(cells); err != nil {
				return err
			}
			t := build(cells, bad)
			if err := t.render(ui.Out, c.Format); err != nil || c.Plot == "" {
				return err
			}
			return t.plot(c.Plot)
		},
	}
	return p.Run(c.Folders, ui)
}

// source is a cell with the path of its file.
type source struct {
	fewshot.Cell
	path string
}

// read collects the cells of all folders, one file each. bad has an error for each file that is not a valid cell.
func read(folders []string) (cells []source, bad []error, err error) {
	return tabulate.Gather(folders, fewshot.ReadCells, func(c fewshot.Cell, path string) source { return source{c, path} })
}

// File is the cell as package sweep takes it. Methods are compared on the same images: those of a split.
func (s source) File() sweep.File {
	split := fmt.Sprintf("%s %d-shot split %d", s.Set, s.Shots, s.Seed)
	return sweep.File{Key: s.Key(), Data: split, Path: s.path, Method: s.Method, Seed: s.Seed, Outcome: &s.Outcome}
}

// plot writes the figure in the format of the file's ending.
func (t Table) plot(path string) error {
	if err := report.WriteDrawing(path, t.figure()); err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	return nil
}
