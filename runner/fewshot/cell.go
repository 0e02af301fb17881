// Package fewshot trains the cells of the few-shot experiment (NOAH, Zhang et al. 2022, arXiv 2206.04673; its lists are those of
// CoOp): one method on 1, 2, 4, 8 or 16 images of each class of a data set, with the published recipes, on three splits. Users' own
// class folders are drawn into the same layout. The engine is package sweep; package summary makes tables of the cells.
package fewshot

import (
	"errors"
	"fmt"
	"path/filepath"

	"dtl-tf/runner/sweep"
)

// Cell is the result of one method on one split: RESULTS/SET/shots-N/METHOD/seed-S.json. Run.Selection has the accuracies on the
// validation images and the chosen epoch.
type Cell struct {
	sweep.Head
	Set    string `json:"set"` // folder name
	Shots  int    `json:"shots"`
	Method string `json:"method"`
	Seed   uint64 `json:"split_seed"` // of the training list; the seed of the training is in Run.Config
	sweep.Outcome
}

// nameField is a field by which a file is recognised as a cell.
const nameField = "set"

// Key names a cell in messages: "food101 4-shot dtl+ split 0".
func (c Cell) Key() string { return Key(c.Set, c.Shots, c.Method, c.Seed) }

// Key names a cell by its parts.
func Key(set string, shots int, method string, seed uint64) string {
	return fmt.Sprintf("%s %d-shot %s split %d", set, shots, method, seed)
}

// CheckNames implements sweep.Cell. The set may be one of the user's own.
func (c *Cell) CheckNames() error {
	switch {
	case c.Set == "" || c.Set != filepath.Base(c.Set):
		return fmt.Errorf("the set %q is not the name of a folder", c.Set)
	case c.Method == "":
		return errors.New("the method is missing")
	case c.Shots < 1:
		return fmt.Errorf("%d shots: there must be one at least", c.Shots)
	}
	return c.NoTargets()
}

// CellPath returns the path of a cell's file.
func CellPath(results, set string, shots int, method string, seed uint64) string {
	return filepath.Join(results, set, fmt.Sprintf("shots-%d", shots), method, fmt.Sprintf("seed-%d.json", seed))
}

// Path returns the path of the cell's file.
func (c Cell) Path(results string) string {
	return CellPath(results, c.Set, c.Shots, c.Method, c.Seed)
}

// WorkPath returns the path of a cell's run folder, which keeps the adapter, run.json and metrics.csv.
func WorkPath(results, set string, shots int, method string, seed uint64) string {
	return filepath.Join(results, sweep.WorkFolder, set, fmt.Sprintf("shots-%d", shots), method, fmt.Sprintf("seed-%d", seed))
}

// ReadCell reads a cell's file, with the errors of sweep.ReadCell.
func ReadCell(path string) (Cell, error) { return sweep.ReadCell[Cell](path, nameField) }

// ReadCells reads every cell below a folder of results, in the order of paths. bad has an error for each file that can't be read
// or is misplaced. err is not nil if a folder can't be read.
func ReadCells(results string) (cells []Cell, bad []error, err error) {
	return sweep.ReadCells(results, ReadCell, sweep.Misplaced)
}
