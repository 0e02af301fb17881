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

// Cell is the result of one method on one task with one seed: RESULTS/TASK/METHOD/seed-S.json, or one folder deeper if its recipe is that of
// all tasks.
type Cell struct {
	sweep.Head
	Task   string `json:"task"` // folder name, see suite.Tasks
	Method string `json:"method"`
	Seed   uint64 `json:"seed"`
	sweep.Outcome
}

// Key names a cell in messages: "eurosat dtl+ seed 42", or "eurosat dtl+ (one recipe) seed 42".
func (c Cell) Key() string {
	method := c.Method
	if c.One() {
		method += " (one recipe)"
	}
	return fmt.Sprintf("%s %s seed %d", c.Task, method, c.Seed)
}

// One reports whether the cell's recipe is the one of all tasks.
func (c Cell) One() bool { return c.Recipe.Name == RecipeOne }

// CheckNames implements sweep.Cell.
func (c *Cell) CheckNames() error {
	if _, err := suite.TaskOf(c.Task); err != nil {
		return err
	}
	if c.Method == "" {
		return errors.New("the method is missing")
	}
	return c.NoTargets()
}

// CellPath returns the path of the file of a cell with a recipe of its task.
func CellPath(results, task, method string, seed uint64) string {
	return Cell{Task: task, Method: method, Seed: seed}.Path(results)
}

// Path returns the path of the cell's file.
func (c Cell) Path(results string) string { return filepath.Join(results, c.place()+".json") }

// WorkPath returns the path of the run folder of a cell with a recipe of its task. A finished cell keeps its adapter, run.json and metrics.csv
// there, but no checkpoint and no trained backbone.
func WorkPath(results, task, method string, seed uint64) string {
	return Cell{Task: task, Method: method, Seed: seed}.workPath(results)
}

func (c Cell) workPath(results string) string {
	return filepath.Join(results, sweep.WorkFolder, c.place())
}

// place is where a cell belongs below a folder, without the ending of the file.
func (c Cell) place() string {
	method := c.Method
	if c.One() {
		method = filepath.Join(method, OneFolder)
	}
	return filepath.Join(c.Task, method, fmt.Sprintf("seed-%d", c.Seed))
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
