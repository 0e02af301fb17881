package sweep

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
)

// Format is the version of a cell's file. It increases when a field changes its meaning or is removed.
const Format = 1

// WorkFolder is the folder, in the folder of results, of the cells' run folders.
const WorkFolder = ".work"

// Cell is a pointer to the content of a cell's file. The type of a benchmark embeds Head, then has the names of the cell, such as its
// data set and method, and then embeds Outcome. The file is written when the cell has finished or failed.
type Cell interface {
	// CheckNames returns an error for a cell that the benchmark does not have.
	CheckNames() error

	CellHead() *Head       // of the embedded Head
	CellOutcome() *Outcome // of the embedded Outcome
}

// Head is the start of a cell's file.
type Head struct {
	Format int `json:"format"`
}

// CellHead returns h, for Cell.
func (h *Head) CellHead() *Head { return h }

// Outcome is what a cell's file records of the training, in every benchmark.
type Outcome struct {
	Status result.Status `json:"status"`          // finished or failed
	Error  string        `json:"error,omitempty"` // why it failed

	// Diverged says that it failed because a loss, a weight or a logit was not finite, so that it would fail again.
	Diverged bool `json:"diverged,omitempty"`

	Recipe    recipe.Recipe    `json:"recipe"`              // as published
	Overrides recipe.Overrides `json:"overrides,omitempty"` // what the user replaced in the recipe

	Machine    Machine     `json:"machine"`
	Started    time.Time   `json:"started"`
	Ended      time.Time   `json:"ended"`
	Resumed    bool        `json:"resumed,omitempty"` // from a checkpoint of an earlier process
	StepMemory *StepMemory `json:"step_memory,omitempty"`

	// Run is the run.json of the training, nil if the cell failed before it.
	Run *result.Run `json:"run,omitempty"`
}

// CellOutcome returns o, for Cell.
func (o *Outcome) CellOutcome() *Outcome { return o }

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
	// Devices are the peaks of several devices that share a step, by name.
	Devices map[string]int64 `json:"peak_bytes_by_device,omitempty"`
}

// HowStepMemory is the How of every StepMemory.
const HowStepMemory = "TensorFlow's allocation records of one traced training step on images, replayed in time; without stored features and XLA"

// Usable returns why a table cannot use the cell's accuracy, nil if it can.
func (o *Outcome) Usable() error {
	switch {
	case o.Status == result.Failed:
		return errors.New(o.Error)
	case o.Run.Accuracy == nil && len(o.Run.Targets) == 0:
		return errors.New("the run has no accuracy")
	case o.Run.Accuracy != nil && o.Run.Accuracy.Split != "test":
		return fmt.Errorf("evaluated on %s, not on test", o.Run.Accuracy.Split)
	}
	return nil
}

// NoTargets returns an error if the run was measured on targets. It is for benchmarks whose tables take its Accuracy, which such a run
// need not have.
func (o *Outcome) NoTargets() error {
	if o.Run != nil && len(o.Run.Targets) > 0 {
		return errors.New("the run was measured on other domains: it is a cell of 'dtl-tf domain run'")
	}
	return nil
}

// check validates a cell.
func check(c Cell) error {
	if err := c.CheckNames(); err != nil {
		return err
	}
	switch o := c.CellOutcome(); {
	case o.Status == result.Failed && o.Error == "":
		return errors.New("status failed without a reason")
	case o.Status == result.Finished && o.Run == nil:
		return errors.New("status finished without the record of the run")
	case o.Status != result.Finished && o.Status != result.Failed:
		return fmt.Errorf("status %q is unknown: a cell is finished or failed", o.Status)
	}
	return nil
}

// WriteCell writes a cell's file atomically, and sets the format.
func WriteCell(path string, c Cell) error {
	c.CellHead().Format = Format
	if err := check(c); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return result.WriteJSON(path, c)
}
