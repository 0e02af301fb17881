package sweep

import (
	"context"

	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
)

// Job is a cell to train, as a benchmark describes it.
type Job struct {
	Name   string // in messages, such as "eurosat dtl seed 42"; unique in the sweep, and decides the shard
	Set    string // the data set, such as "eurosat": notes on it are printed once
	Method string

	File   string // the cell's file
	Folder string // the run's folder; its lock is beside it

	Recipe    recipe.Recipe    // as published
	Overrides recipe.Overrides // what the user replaced in it, for this method

	// Config has the settings of the training. Find, unless nil, completes them when the training is about to start, such as the
	// path of the data; its error fails the cell, and others go on. Images is the number of training images if it is known, which
	// bounds the batch of the measured step memory.
	Config finetune.Config
	Find   func(c *finetune.Config) error
	Images int

	// Joins lets the cell train on one forward pass with others of its data set that have it and differ in nothing else than what
	// finetune.Together allows.
	Joins bool

	// New returns the content of the cell's file with the names of the cell and nothing else. Read reads the file.
	New  func() Cell
	Read func(path string) (Cell, error)

	// Train trains and evaluates; nil is finetune.Run. It may add to the cell, which is the one that New has returned.
	Train func(ctx context.Context, c finetune.Config, ui runner.UI, cell Cell) (result.Run, error)
}

// Jobs makes the jobs of a sweep, those of all shards, in the order in which they are trained. c is the Config given to Run, with a
// backbone that is on this machine.
type Jobs func(c Config, backbone result.Backbone) ([]Job, error)
