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
	"dtl-tf/runner/result"
	"dtl-tf/runner/suite"
)

// Format is the version of a cell's file. It rises when a field changes its meaning or goes.
const Format = 1

// WorkFolder is where the cells under way are below the folder of results, one run folder each.
const WorkFolder = ".work"

// Cell is the result of one method on one task with one seed: RESULTS/TASK/METHOD/seed-S.json. It is written
// when the cell is done, well or not.
type Cell struct {
	Format int           `json:"format"`
	Task   string        `json:"task"` // folder name, see suite.Tasks
	Method string        `json:"method"`
	Seed   uint64        `json:"seed"`
	Status result.Status `json:"status"`          // finished or failed
	Error  string        `json:"error,omitempty"` // why it failed

	Recipe    Recipe    `json:"recipe"`              // as it is in the product
	Overrides Overrides `json:"overrides,omitempty"` // what the user replaced in it

	Machine    Machine     `json:"machine"`
	Started    time.Time   `json:"started"`
	Ended      time.Time   `json:"ended"`
	Resumed    bool        `json:"resumed,omitempty"` // it went on from a checkpoint of an earlier process
	StepMemory *StepMemory `json:"step_memory,omitempty"`

	// Run is the whole record of the fine-tuning, nil for a cell that failed before it could start.
	Run *result.Run `json:"run,omitempty"`
}

// Machine is what ran a cell.
type Machine struct {
	Host      string `json:"host"`
	Process   int    `json:"process"`
	Shard     string `json:"shard,omitempty"` // "2/8"
	Processor string `json:"processor,omitempty"`
}

// StepMemory is the memory of one training step of the cell's model and batch.
type StepMemory struct {
	Peak  int64  `json:"peak_bytes"`  // most bytes alive at once in the step, without weights and optimizer
	Fixed int64  `json:"fixed_bytes"` // weights and the optimizer's state
	How   string `json:"how"`         // how it was measured, a sentence for the foot of a table
}

// HowStepMemory is the way of measuring of every StepMemory.
const HowStepMemory = "TensorFlow's allocation records of one traced training step on images, replayed in time; without stored features"

// Key names a cell as people read it: "eurosat dtl+ seed 42".
func (c Cell) Key() string { return fmt.Sprintf("%s %s seed %d", c.Task, c.Method, c.Seed) }

// CellPath is where a cell's file is below the folder of results.
func CellPath(results, task, method string, seed uint64) string {
	return filepath.Join(results, task, method, fmt.Sprintf("seed-%d.json", seed))
}

// WorkPath is the run folder of a cell below the folder of results: the checkpoint while it is under way, and afterwards
// its adapter, run.json and metrics.csv. Checkpoint and trained backbone are removed when the cell is finished.
func WorkPath(results, task, method string, seed uint64) string {
	return filepath.Join(results, WorkFolder, task, method, fmt.Sprintf("seed-%d", seed))
}

// WriteCell writes a cell's file in one piece. Format is set by it.
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

// BadCellError says that a file is not a whole cell.
type BadCellError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *BadCellError) Error() string { return fmt.Sprintf("%s: %v", e.Path, e.Err) }

// Unwrap implements the errors package's protocol.
func (e *BadCellError) Unwrap() error { return e.Err }

// ReadCell reads a cell's file. A file that is empty, cut off, of another program or of another format is
// a *BadCellError that names it, in the last case one that wraps a *result.ForeignError; one that is not there wraps fs.ErrNotExist.
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

// misplaced says where a cell should be that isn't there. The points of a search are folders of their own.
func (c Cell) misplaced(results string) error {
	if c.Run != nil && c.Run.Accuracy != nil && c.Run.Accuracy.Split != data.Test {
		return fmt.Errorf("is of a search, evaluated on %s: the same 'dtl-tf vtab search' prints its table again", c.Run.Accuracy.Split)
	}
	return fmt.Errorf("holds the cell %s, which belongs into %s", c.Key(), CellPath(results, c.Task, c.Method, c.Seed))
}

// ReadCells reads every cell below a folder of results, in the order of paths. What can't be read is left out and told
// in bad, an error a file. The folder itself must be there.
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
