// Package tabulate has what the tables of all benchmarks share: the cells of several folders become one list, which is checked,
// described, completed with notes and rendered. A benchmark's own package summary says what the rows and columns are.
package tabulate

import (
	"fmt"
	"path/filepath"
	"slices"

	"dtl-tf/runner/sweep"
)

// Source is a cell that a table is made of.
type Source interface {
	File() sweep.File
}

// files are the cells as package sweep takes them.
func files[S Source](cells []S) (list []sweep.File) {
	for _, c := range cells {
		list = append(list, c.File())
	}
	return list
}

// CheckOrigin rejects cells that cannot be averaged or compared, as sweep.CheckOrigin does.
func CheckOrigin[S Source](cells []S) error { return sweep.CheckOrigin(files(cells)) }

// Gather collects the cells of all folders, one file each. read reads those of a folder, and from makes a source of a cell and the
// path of its file. bad has an error for each file that is not a valid cell.
func Gather[C sweep.Placed, S Source](folders []string, read func(folder string) ([]C, []error, error), from func(c C, path string) S) (cells []S, bad []error, err error) {
	var seen []string
	var all []S
	for _, folder := range folders {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, nil, fmt.Errorf("results: %w", err)
		}
		if slices.Contains(seen, absolute) {
			continue
		}
		seen = append(seen, absolute)
		list, broken, err := read(folder)
		if err != nil {
			return nil, nil, err
		}
		bad = append(bad, broken...)
		for _, c := range list {
			all = append(all, from(c, c.Path(folder)))
		}
	}
	keep, err := sweep.Merge(files(all))
	for _, i := range keep {
		cells = append(cells, all[i])
	}
	return cells, bad, err
}
