// Package vtab has the recipes that papers publish for the benchmark VTAB-1k (Zhai et al. 2019, arXiv 1910.04867), and the files
// of its cells, the results of one method on one task with one seed. The tasks are in package suite.
//
// Package sweep trains cells, package summary makes tables of them, and package check checks the data sets.
package vtab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/result"
)

// Format is the version of a cell's file. It increases when a field changes its meaning or is removed.
const Format = 1

// WorkFolder is the folder, in the folder of results, of the cells' run folders.
const WorkFolder = ".work"

// Cell is the result of one method on one task with one seed: RESULTS/TASK/METHOD/seed-S.json. It is written when the cell has
// finished or failed.
type Cell struct {
	Format int           `json:"format"`
	Task   string        `json:"task"` // folder name, see suite.Tasks
	Method string        `json:"method"`
	Seed   uint64        `json:"seed"`
	Status result.Status `json:"status"`          // finished or failed
	Error  string        `json:"error,omitempty"` // why it failed

	Recipe    Recipe    `json:"recipe"`              // as published
	Overrides Overrides `json:"overrides,omitempty"` // what the user replaced in the recipe

	Machine    Machine     `json:"machine"`
	Started    time.Time   `json:"started"`
	Ended      time.Time   `json:"ended"`
	Resumed    bool        `json:"resumed,omitempty"` // from a checkpoint of an earlier process
	StepMemory *StepMemory `json:"step_memory,omitempty"`

	// Run is the run.json of the training, nil if the cell failed before it.
	Run *result.Run `json:"run,omitempty"`
}

// Machine describes the process that ran a cell.
type Machine struct {
	Host      string `json:"host"`
	Process   int    `json:"process"`
	Shard     string `json:"shard,omitempty"` // "2/8"
	Processor string `json:"processor,omitempty"`
}

// StepMemory is the memory of one training step of the cell's model and batch.
type StepMemory struct {
	Peak  int64  `json:"peak_bytes"`  // of the step, without weights and optimizer state
	Fixed int64  `json:"fixed_bytes"` // weights and optimizer state
	How   string `json:"how"`         // how it was measured, for the caption of a table
}

// HowStepMemory is the How of every StepMemory.
const HowStepMemory = "TensorFlow's allocation records of one traced training step on images, replayed in time; without stored features and XLA"

// Key names a cell in messages: "eurosat dtl+ seed 42".
func (c Cell) Key() string { return fmt.Sprintf("%s %s seed %d", c.Task, c.Method, c.Seed) }

// CellPath returns the path of a cell's file.
func CellPath(results, task, method string, seed uint64) string {
	return filepath.Join(results, task, method, fmt.Sprintf("seed-%d.json", seed))
}

// WorkPath returns the path of a cell's run folder. A finished cell keeps its adapter, run.json and metrics.csv there, but no
// checkpoint and no trained backbone.
func WorkPath(results, task, method string, seed uint64) string {
	return filepath.Join(results, WorkFolder, task, method, fmt.Sprintf("seed-%d", seed))
}

// WriteCell writes a cell's file atomically, and sets Format.
func WriteCell(path string, c Cell) error {
	c.Format = Format
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return result.WriteJSON(path, c)
}

// BadCellError says that a file is not a complete cell.
type BadCellError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *BadCellError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }

// Unwrap returns Err, for package errors.
func (e *BadCellError) Unwrap() error { return e.Err }

// ReadCell reads a cell's file. The error wraps fs.ErrNotExist for a missing file, and is a *BadCellError for one that is empty,
// truncated or something else. It also wraps a *result.ForeignError for a file of another version of the program.
func ReadCell(path string) (Cell, error) {
	b, err := limit.ReadFile(path, limit.Text)
	if err != nil {
		return Cell{}, fmt.Errorf("reading a cell: %w", err)
	}
	c, err := decodeCell(b)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return Cell{}, &BadCellError{path, err}
	}
	return c, nil
}

func decodeCell(b []byte) (c Cell, err error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return c, errors.New("the file is empty")
	}
	var head struct {
		Format *int    `json:"format"`
		Task   *string `json:"task"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return c, fmt.Errorf("not a complete JSON object: %w", err)
	}
	if head.Format == nil || head.Task == nil {
		return c, errors.New("not the result of a cell: the field \"format\" or \"task\" is missing")
	}
	if *head.Format != Format {
		return c, &result.ForeignError{Err: fmt.Errorf("format %d, this program reads format %d", *head.Format, Format)}
	}
	if err := result.Decode(b, &c); err != nil {
		return c, &result.ForeignError{Err: err}
	}
	return c, nil
}

func (c Cell) check() error {
	if _, err := suite.TaskOf(c.Task); err != nil {
		return err
	}
	switch {
	case c.Method == "":
		return errors.New("the method is missing")
	case c.Status == result.Failed && c.Error == "":
		return errors.New("status failed without a reason")
	case c.Status == result.Finished && c.Run == nil:
		return errors.New("status finished without the record of the run")
	case c.Status != result.Finished && c.Status != result.Failed:
		return fmt.Errorf("status %q is unknown: a cell is finished or failed", c.Status)
	}
	return nil
}

// misplaced returns the error for a cell whose file is not at its CellPath. The cells of a search are in a folder for each point.
func (c Cell) misplaced(results string) error {
	if c.Run != nil && c.Run.Accuracy != nil && c.Run.Accuracy.Split != data.Test {
		return fmt.Errorf("is of a search, evaluated on %s: the same 'dtl-tf vtab search' prints its table again", c.Run.Accuracy.Split)
	}
	return fmt.Errorf("holds the cell %s, which belongs in %s", c.Key(), CellPath(results, c.Task, c.Method, c.Seed))
}

// ReadCells reads every cell below a folder of results, in the order of paths. bad has an error for each file that can't be read
// or is misplaced. err is not nil if a folder can't be read.
func ReadCells(results string) (cells []Cell, bad []error, err error) {
	err = filepath.WalkDir(results, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && strings.HasPrefix(e.Name(), ".") && path != results:
			return filepath.SkipDir
		case e.IsDir() || !strings.HasPrefix(e.Name(), "seed-") || filepath.Ext(e.Name()) != ".json":
			return nil
		}
		c, err := ReadCell(path)
		if err == nil && CellPath(results, c.Task, c.Method, c.Seed) != path {
			err = &BadCellError{path, c.misplaced(results)}
		}
		if err != nil {
			bad = append(bad, err)
			return nil
		}
		cells = append(cells, c)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("results: %w", err)
	}
	return cells, bad, nil
}
