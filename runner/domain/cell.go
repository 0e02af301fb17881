// Package domain trains the cells of domain generalisation: a method is trained on a source and tested on other domains, the targets,
// without seeing images of them. The official experiment (NOAH, Zhang et al. 2022, arXiv 2206.04673) trains on 16 images of each class of
// ImageNet and tests on ImageNetV2, ImageNet-Sketch, ImageNet-A and ImageNet-R; users' own domains are folders with the same classes. The
// engine is package sweep; package summary makes tables of the cells.
package domain

import (
	"errors"
	"fmt"
	"path/filepath"

	"dtl-tf/runner/sweep"
)

// Cell is the result of one training with a method and a seed: RESULTS/SOURCE/METHOD/seed-S.json, or RESULTS/SOURCE-to-TARGET/... if it
// is for a single target. Run.Accuracy is that on the source's test images, Run.Targets are those on other domains.
type Cell struct {
	sweep.Head
	Source string `json:"source"`
	Target string `json:"target,omitempty"` // that the training is for, which may be the source's test images; "" for all targets
	Method string `json:"method"`
	Seed   uint64 `json:"seed"` // of the training list in the official layout, else of the training
	sweep.Outcome
}

// nameField is a field by which a file is recognised as a cell.
const nameField = "source"

// Key names a cell in messages: "photo dtl seed 42", "imagenet to imagenet-sketch dtl seed 0".
func (c Cell) Key() string {
	if c.Target != "" {
		return fmt.Sprintf("%s to %s %s seed %d", c.Source, c.Target, c.Method, c.Seed)
	}
	return fmt.Sprintf("%s %s seed %d", c.Source, c.Method, c.Seed)
}

// CheckNames implements sweep.Cell.
func (c *Cell) CheckNames() error {
	if err := checkName(c.Source); err != nil {
		return err
	}
	if c.Target != "" {
		if err := checkName(c.Target); err != nil {
			return err
		}
	}
	if c.Method == "" {
		return errors.New("the method is missing")
	}
	return nil
}

// folder is the name of the folder of a source's cells.
func folder(source, target string) string {
	if target == "" {
		return source
	}
	return source + "-to-" + target
}

// Path returns the path of the cell's file.
func (c Cell) Path(results string) string {
	return filepath.Join(results, folder(c.Source, c.Target), c.Method, fmt.Sprintf("seed-%d.json", c.Seed))
}

// WorkPath returns the path of the cell's run folder, which keeps the adapter, run.json and metrics.csv.
func (c Cell) WorkPath(results string) string {
	return filepath.Join(results, sweep.WorkFolder, folder(c.Source, c.Target), c.Method, fmt.Sprintf("seed-%d", c.Seed))
}

// ReadCell reads a cell's file, with the errors of sweep.ReadCell.
func ReadCell(path string) (Cell, error) { return sweep.ReadCell[Cell](path, nameField) }

// ReadCells reads every cell below a folder of results, in the order of paths. bad has an error for each file that can't be read
// or is misplaced. err is not nil if a folder can't be read.
func ReadCells(results string) (cells []Cell, bad []error, err error) {
	return sweep.ReadCells(results, ReadCell, sweep.Misplaced)
}
