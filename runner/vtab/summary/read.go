package summary

import (
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

// File is the cell as package sweep takes it.
func (s source) File() sweep.File {
	return sweep.File{Key: s.Key(), Data: s.Task, Path: s.path, Method: s.Method, Seed: s.Seed, Outcome: &s.Outcome}
}
