package summary

import (
	"fmt"

	"dtl-tf/runner/sweep"
	"dtl-tf/runner/sweep/tabulate"
	"dtl-tf/runner/vtab"
)

// source is a cell with the path of its file.
type source struct {
	vtab.Cell
	path string
}

// read collects the cells of all folders. bad has an error for each file that is not a valid cell.
func read(folders []string) (cells []source, bad []error, err error) {
	return tabulate.Gather(folders, vtab.ReadCells, func(c vtab.Cell, path string) source { return source{c, path} })
}

// row returns the row that the cell belongs to.
func (s source) row() rowKey { return rowKey{s.Method, s.One()} }

// checkOne rejects cells of one row with one recipe for all tasks that have two, such as those of two searches.
func checkOne(cells []source) error {
	type choice struct{ recipe, path string }
	first := map[string]choice{}
	for _, c := range cells {
		if !c.One() || c.Usable() != nil {
			continue
		}
		r, err := c.Recipe.With(c.Overrides)
		if err != nil {
			return &sweep.BadCellError{Path: c.path, Err: err}
		}
		mine := choice{fmt.Sprintf("%+v %s", r, c.Overrides), c.path}
		if before, ok := first[c.Method]; !ok {
			first[c.Method] = mine
		} else if before.recipe != mine.recipe {
			return fmt.Errorf("the cells of %s with one recipe for all tasks have two, of two searches or with two --set: make a table of each\n  %s\n  %s", c.Method, before.path, mine.path)
		}
	}
	return nil
}

// File is the cell as package sweep takes it.
func (s source) File() sweep.File {
	return sweep.File{Key: s.Key(), Data: s.Task, Path: s.path, Method: s.Method, Seed: s.Seed, Outcome: &s.Outcome}
}
