package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/finetune"
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
	data, err := j.task.Dir(s.config.Data)
	if err != nil {
		return result.Run{}, err
	}
	f, err := s.config.fineTune(j, data)
	if err != nil {
		return result.Run{}, err
	}
	if err := s.goOn(j, &f, c); err != nil {
		return result.Run{}, err
	}
	c.StepMemory = s.memory.of(ctx, f, j)
	if err := ctx.Err(); err != nil {
		return result.Run{}, err
	}
	ui := runner.UI{Out: io.Discard, Err: io.Discard, Quiet: true, Version: s.ui.Version, Watch: func(h *train.Hooks) { s.show.follow(h, j) }}
	run, err := finetune.Run(ctx, f, ui)
	var usage *runner.UsageError
	if f.Resume && errors.As(err, &usage) {
		err = fmt.Errorf("%w (to begin the cell again remove %s)", err, f.Out)
	}
	return run, err
}

// goOn makes the cell resume what an earlier process has left of it: a checkpoint, or a finished run whose cell was not
// written any more. Without either there is nothing to lose by beginning again. It takes over from the earlier part what the
// result may depend on in the last digits: the number of threads, which may be another on the machine that goes on.
//
// A run.json that can't be read tells nothing about the run, which may have taken days. Then the cell fails and all is kept.
func (s *sweep) goOn(j job, f *finetune.Config, c *vtab.Cell) error {
	old, err := result.ReadRun(f.Out)
	none := errors.Is(err, fs.ErrNotExist)
	if err != nil && !none {
		return fmt.Errorf("%w (nothing of that run was removed; to begin the cell again, remove %s)", err, f.Out)
	}
	checkpoints, err := checkpoint.NewStore(f.Out).Any()
	if err != nil {
		return err
	}
	if none && checkpoints {
		return fmt.Errorf("%s holds checkpoints and no run.json (nothing was removed; to begin the cell again, remove the folder)", f.Out)
	}
	c.Resumed = !none && old.Status != result.Finished && checkpoints
	f.Resume = c.Resumed || old.Status == result.Finished
	f.Overwrite = !f.Resume
	if f.Resume && f.Threads == 0 {
		f.Threads = old.Device.Threads
	}
	if f.Resume {
		s.show.note("%s was begun before: going on with it", j.name())
	}
	return nil
}

// tidy leaves of a finished cell's run folder what is of use later: adapter, run.json and metrics.csv. A checkpoint and a
// backbone that has trained are as large as the backbone.
func tidy(folder string) {
	entries, _ := os.ReadDir(folder) // what can't be listed stays
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "checkpoint") || strings.HasPrefix(e.Name(), "backbone.") {
			os.RemoveAll(filepath.Join(folder, e.Name()))
		}
	}
}

// readCell reads a cell's file. One that is not whole is set aside as .bad and counts as missing. One of another version of the program
// is an error: to make it again may take days.
func (s *sweep) readCell(j job) (*vtab.Cell, error) {
	path := s.path(j)
	c, err := vtab.ReadCell(path)
	var bad *vtab.BadCellError
	var foreign *result.ForeignError
	switch {
	case errors.As(err, &foreign):
		return nil, fmt.Errorf("%w (choose another --out, or remove the file to make the cell again)", err)
	case err == nil:
		return &c, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.As(err, &bad):
		aside := unused(path + ".bad")
		if err := os.Rename(path, aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("setting a damaged result aside: %w", err)
		}
		s.show.warn("%v: set aside as %s, the cell counts as missing", err, filepath.Base(aside))
		return nil, nil
	}
	return nil, err
}

// unused is the path, with a number behind it if there is such a file already.
func unused(path string) string {
	for name, n := path, 2; ; name, n = fmt.Sprintf("%s.%d", path, n), n+1 {
		if _, err := os.Lstat(name); err != nil {
			return name
		}
	}
}

func (s *sweep) path(j job) string {
	return vtab.CellPath(s.config.root(j), j.task.Folder, j.method, j.seed)
}

// now is the clock of all records.
func now() time.Time { return time.Now().Round(time.Millisecond) }
