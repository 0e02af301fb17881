package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dtl-tf/runner"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
	"dtl-tf/runner/vtab"
)

// errBusy says that another process works in the cell's run folder.
var errBusy = errors.New("another process works on the cell")

// train runs one cell to its end and returns its record, finished or failed. The error is that of a cell that has no end yet:
// Ctrl-C, or another process that has it.
func (s *sweep) train(ctx context.Context, j job) (vtab.Cell, error) {
	c := vtab.Cell{
		Task: j.task.Folder, Method: j.method, Seed: j.seed, Recipe: j.recipe, Overrides: j.overrides, Started: now(),
		Machine: vtab.Machine{Host: s.locks.me.Host, Process: s.locks.me.Process, Shard: s.config.Shard, Processor: machine.Processor()},
	}
	run, err := s.fineTune(ctx, j, &c)
	c.Ended = now()
	var held *result.LockedError
	switch {
	case err == nil:
		c.Status, c.Run = result.Finished, &run
	case errors.As(err, &held):
		return c, errBusy
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return c, err
	default:
		c.Status, c.Error = result.Failed, err.Error()
		if run.Method != "" { // it got as far as having a record
			c.Run = &run
		}
	}
	run.Format = result.Format // the record that FineTune returns has none yet
	return c, nil
}

// fineTune trains the cell, from the last checkpoint where one is.
func (s *sweep) fineTune(ctx context.Context, j job, c *vtab.Cell) (result.Run, error) {
	data, err := j.task.Dir(s.config.Base.Data)
	if err != nil {
		return result.Run{}, err
	}
	f, err := s.config.fineTune(j, data)
	if err != nil {
		return result.Run{}, err
	}
	s.goOn(j, &f, c)
	c.StepMemory = s.memory.of(f, j)
	if err := ctx.Err(); err != nil {
		return result.Run{}, err
	}
	ui := runner.UI{Out: io.Discard, Err: io.Discard, Quiet: true, Version: s.ui.Version, Watch: func(h *train.Hooks) { s.show.follow(h, j) }}
	run, err := runner.FineTune(ctx, f, ui)
	var usage *runner.UsageError
	if f.Resume && errors.As(err, &usage) {
		err = fmt.Errorf("%w (to begin the cell again remove %s)", err, f.Out)
	}
	return run, err
}

// goOn makes the cell resume what an earlier process has left of it: a checkpoint, or a finished run whose cell was not
// written any more. Without either there is nothing to lose by beginning again. It takes over from the earlier part what the
// result may depend on in the last digits: the number of threads, which may be another on the machine that goes on.
func (s *sweep) goOn(j job, f *runner.FineTuneConfig, c *vtab.Cell) {
	old, err := result.ReadRun(f.Out)
	checkpoints, _ := filepath.Glob(filepath.Join(f.Out, "checkpoint*"))
	c.Resumed = err == nil && old.Status != result.Finished && len(checkpoints) > 0
	f.Resume = c.Resumed || err == nil && old.Status == result.Finished
	f.Overwrite = !f.Resume
	if f.Resume && f.Threads == 0 {
		f.Threads = old.Device.Threads
	}
	if f.Resume {
		s.show.note("%s was begun before: going on with it", j.name())
	}
}

// tidy leaves of a finished cell's run folder what is of use later: adapter, run.json and metrics.csv. A checkpoint and a
// backbone that has trained are as large as the backbone.
func tidy(folder string) {
	for _, pattern := range []string{"checkpoint*", "backbone.*"} {
		files, _ := filepath.Glob(filepath.Join(folder, pattern))
		for _, file := range files {
			os.RemoveAll(file)
		}
	}
}

// readCell reads a cell's file. One that is not whole is set aside as .bad and counts as missing.
func (s *sweep) readCell(j job) (*vtab.Cell, error) {
	path := s.path(j)
	c, err := vtab.ReadCell(path)
	var bad *vtab.BadCellError
	switch {
	case err == nil:
		return &c, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.As(err, &bad):
		if err := os.Rename(path, path+".bad"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("setting a damaged result aside: %w", err)
		}
		s.show.warn("%v: set aside as %s, the cell counts as missing", err, filepath.Base(path)+".bad")
		return nil, nil
	}
	return nil, err
}

func (s *sweep) path(j job) string {
	return vtab.CellPath(s.config.root(j), j.task.Folder, j.method, j.seed)
}

// now is the clock of all records.
func now() time.Time { return time.Now().Round(time.Millisecond) }
