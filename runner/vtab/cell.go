// Package vtab trains the cells of the benchmark VTAB-1k (Zhai et al. 2019, arXiv 1910.04867), the results of one method on one task
// with one seed, with the recipes that papers publish. The tasks are in package suite, the engine in package sweep.
//
// Package summary makes tables of cells, and package check checks the data sets.
package vtab

import (
	"errors"
	"fmt"
	"path/filepath"

	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/sweep"
)

// Cell is the result of one method on one task with one seed: RESULTS/TASK/METHOD/seed-S.json.
type Cell struct {
	sweep.Head
	Task   string `json:"task"` // folder name, see suite.Tasks
	Method string `json:"method"`
	Seed   uint64 `json:"seed"`
	sweep.Outcome
}

// Key names a cell in messages: "eurosat dtl+ seed 42".
func (c Cell) Key() string { return fmt.Sprintf("%s %s seed %d", c.Task, c.Method, c.Seed) }

// CheckNames implements sweep.Cell.
func (c *Cell) CheckNames() error {
	if _, err := suite.TaskOf(c.Task); err != nil {
		return err
	}
	if c.Method == "" {
		return errors.New("the method is missing")
	}
	return nil
}

// CellPath returns the path of a cell's file.
func CellPath(results, task, method string, seed uint64) string {
	return filepath.Join(results, task, method, fmt.Sprintf("seed-%d.json", seed))
}

// Path returns the path of the cell's file.
func (c Cell) Path(results string) string { return CellPath(results, c.Task, c.Method, c.Seed) }

// WorkPath returns the path of a cell's run folder. A finished cell keeps its adapter, run.json and metrics.csv there, but no
// checkpoint and no trained backbone.
func WorkPath(results, task, method string, seed uint64) string {
	return filepath.Join(results, sweep.WorkFolder, task, method, fmt.Sprintf("seed-%d", seed))
}

// ReadCell reads a cell's file, with the errors of sweep.ReadCell.
func ReadCell(path string) (Cell, error) { return sweep.ReadCell[Cell](path, nameField) }

// nameField is a field by which a file is recognised as a cell.
const nameField = "task"

// misplaced returns the error for a cell whose file is not at its path. The cells of a search are in a folder for each point.
func (c Cell) misplaced(results string) error {
	if c.Run != nil && c.Run.Accuracy != nil && c.Run.Accuracy.Split != data.Test {
		return fmt.Errorf("is of a search, evaluated on %s: the same 'dtl-tf vtab search' prints its table again", c.Run.Accuracy.Split)
	}
	return sweep.Misplaced(c, results)
}

// ReadCells reads every cell below a folder of results, in the order of paths. bad has an error for each file that can't be read
// or is misplaced. err is not nil if a folder can't be read.
func ReadCells(results string) (cells []Cell, bad []error, err error) {
	return sweep.ReadCells(results, ReadCell, Cell.misplaced)
}
