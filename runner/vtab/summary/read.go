package summary

import (
	"fmt"
	"path/filepath"
	"slices"

	"dtl-tf/runner/sweep"
	"dtl-tf/runner/vtab"
)

// source is a cell with the path of its file.
type source struct {
	vtab.Cell
	path string
}

// read collects the cells of all folders. bad has an error for each file that is not a valid cell.
func read(folders []string) (cells []source, bad []error, err error) {
	var seen []string
	for _, folder := range folders {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, nil, fmt.Errorf("results: %w", err)
		}
		if slices.Contains(seen, absolute) {
			continue
		}
		seen = append(seen, absolute)
		list, broken, err := vtab.ReadCells(folder)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, broken...)
		for _, c := range list {
			cells = append(cells, source{c, vtab.CellPath(folder, c.Task, c.Method, c.Seed)})
		}
	}
	cells, err = merge(cells)
	return cells, bad, err
}

// check returns why the table cannot use a cell's accuracy, nil if it can.
func (s source) check() error { return s.Usable() }

// files are the cells as package sweep takes them.
func files(cells []source) (list []sweep.File) {
	for i := range cells {
		c := &cells[i]
		list = append(list, sweep.File{Key: c.Key(), Data: c.Task, Path: c.path, Outcome: &c.Outcome})
	}
	return list
}

// merge keeps one source per cell.
func merge(cells []source) (list []source, err error) {
	keep, err := sweep.Merge(files(cells))
	for _, i := range keep {
		list = append(list, cells[i])
	}
	return list, err
}
