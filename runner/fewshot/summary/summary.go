// Package summary makes the table and the figure of the few-shot experiment from the files of finished cells: data sets against
// shots, for each method, with means over the split seeds and the average over the data sets. It computes from these files only,
// leaves missing values blank and names them.
package summary

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/fewshot"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

// Config selects what is printed.
type Config struct {
	Folders []string // results of 'fewshot run', at least one
	Format  string   // one of report.PaperFormats
	Plot    string   // file for the figure, .svg or .png; "": none
}

func (c Config) check() error {
	switch ending := strings.ToLower(filepath.Ext(c.Plot)); {
	case !slices.Contains(report.PaperFormats(), c.Format):
		return runner.Unknown("format", c.Format, report.PaperFormats())
	case len(c.Folders) == 0:
		return runner.Usagef("give the folder with the results, or several")
	case c.Plot != "" && ending != ".svg" && ending != ".png":
		return runner.Usagef("--plot %s: the ending must be .svg or .png", c.Plot)
	}
	return nil
}

// Run prints the table of all cells in the folders, and writes the figure. It names unreadable files on ui.Err, leaves them out, and
// returns an error after printing the table.
func Run(c Config, ui runner.UI) error {
	if err := c.check(); err != nil {
		return err
	}
	cells, bad, err := read(c.Folders)
	for _, b := range bad {
		fmt.Fprintf(ui.Err, "left out: %v\n", b)
	}
	if err != nil {
		return err
	}
	if len(cells) == 0 && len(bad) == 0 {
		return fmt.Errorf("no results in %s: looked for SET/shots-N/METHOD/seed-S.json, as 'dtl-tf fewshot run --out' writes them", strings.Join(c.Folders, ", "))
	}
	if err := sweep.CheckOrigin(files(cells)); err != nil {
		return err
	}
	t := build(cells, bad)
	if err := t.render(ui.Out, c.Format); err != nil {
		return err
	}
	if c.Plot != "" {
		if err := t.plot(c.Plot); err != nil {
			return err
		}
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

// source is a cell with the path of its file.
type source struct {
	fewshot.Cell
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
		list, broken, err := fewshot.ReadCells(folder)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, broken...)
		for _, c := range list {
			all = append(all, source{c, fewshot.CellPath(folder, c.Set, c.Shots, c.Method, c.Seed)})
		}
	}
	keep, err := sweep.Merge(files(all))
	for _, i := range keep {
		cells = append(cells, all[i])
	}
	return cells, bad, err
}

// files are the cells as package sweep takes them. Methods are compared on the same images: those of a split.
func files(cells []source) (list []sweep.File) {
	for i := range cells {
		c := &cells[i]
		split := fmt.Sprintf("%s %d-shot split %d", c.Set, c.Shots, c.Seed)
		list = append(list, sweep.File{Key: c.Key(), Data: split, Path: c.path, Outcome: &c.Outcome})
	}
	return list
}

// plot writes the figure in the format of the file's ending.
func (t Table) plot(path string) error {
	f := t.figure()
	write := f.SVG
	if strings.EqualFold(filepath.Ext(path), ".png") {
		write = f.PNG
	}
	if err := result.WriteFile(path, write); err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	return nil
}
