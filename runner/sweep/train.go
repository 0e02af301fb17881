package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// train trains a cell and returns its record, finished or failed. The error is that of a run folder that another process uses, or
// of an interrupted training.
func (s *sweep) train(ctx context.Context, j Job) (Cell, error) {
	cell := j.New()
	o := cell.CellOutcome()
	s.start(j, o)
	run, err := s.fineTune(ctx, j, cell)
	run.Format = result.Format // which finetune.Run leaves to the writer of run.json
	o.Ended = result.Now()
	if errors.As(err, new(*result.LockedError)) || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return cell, err
	}
	if err == nil || run.Method != "" { // the run had begun
		o.Run = &run
	}
	o.end(err)
	return cell, nil
}

// end sets the status of a cell that has finished, or failed with an error.
func (o *Outcome) end(err error) {
	if err == nil {
		o.Status = result.Finished
		return
	}
	o.Status, o.Error = result.Failed, err.Error()
	o.Diverged = errors.As(err, new(*train.DivergedError)) || errors.As(err, new(*classify.NotFiniteError))
}

// fineTune trains the cell, from its last checkpoint if there is one.
func (s *sweep) fineTune(ctx context.Context, j Job, cell Cell) (run result.Run, err error) {
	f := j.Config
	if j.Find != nil {
		if err := j.Find(&f); err != nil {
			return run, err
		}
	}
	if err := s.resume(j, &f, cell.CellOutcome()); err != nil {
		return run, err
	}
	cell.CellOutcome().StepMemory = s.stepMemory(ctx, j, f)
	if err := ctx.Err(); err != nil {
		return run, err
	}
	ui := runner.UI{Out: io.Discard, Err: io.Discard, Quiet: true, Version: s.ui.Version, Watch: func(h *train.Hooks) { s.show.follow(h, j, 1) }}
	if j.Train != nil {
		run, err = j.Train(ctx, f, ui, cell)
	} else {
		run, err = finetune.Run(ctx, f, ui)
	}
	var usage *runner.UsageError
	if f.Resume && errors.As(err, &usage) {
		err = fmt.Errorf("%w (to begin the cell again remove %s)", err, f.Out)
	}
	return run, err
}

// resume sets f to resume the run in the cell's folder, if it has a checkpoint or is finished, and to overwrite it if not. A
// resumed run keeps its number of threads, which may affect the last digits of the result.
//
// An unreadable run.json may belong to days of training. It fails the cell, and everything is kept.
func (s *sweep) resume(j Job, f *finetune.Config, o *Outcome) error {
	earlier, err := result.ReadRun(f.Out)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("%w (nothing of that run was removed; to begin the cell again, remove %s)", err, f.Out)
	}
	checkpoints, err := checkpoint.NewStore(f.Out).Any()
	if err != nil {
		return err
	}
	if missing && checkpoints {
		return fmt.Errorf("%s holds checkpoints and no run.json (nothing was removed; to begin the cell again, remove the folder)", f.Out)
	}
	finished := earlier.Status == result.Finished
	o.Resumed = checkpoints && !finished
	f.Resume = checkpoints || finished
	f.Overwrite = !f.Resume
	if f.Resume {
		f.Threads = cmp.Or(f.Threads, earlier.Device.Threads)
		s.show.noteOnce("%s was started before: continuing it", j.Name) // once: a cell that waits for its folder is tried repeatedly
	}
	return nil
}

// stepMemory measures the step memory of a cell, once for each kind of cell. It returns nil, with a warning, if that fails.
func (s *sweep) stepMemory(ctx context.Context, j Job, f finetune.Config) *StepMemory {
	if !s.config.Memory {
		return nil
	}
	if j.Images > 0 {
		f.Batch = min(f.Batch, j.Images)
	}
	kind := fmt.Sprint(f.Method, f.Options, f.Classes, f.Batch, f.DropPath > 0, f.Pool, f.Precision, f.Recompute, f.MicroBatch)
	if m, ok := s.memory[kind]; ok {
		return m
	}
	s.memory[kind] = nil
	measured, err := finetune.MeasureStepMemory(ctx, f, f.Classes)
	if err != nil {
		s.show.warn("%s: the memory of a step can't be measured: %v", j.Name, err)
		return nil
	}
	s.memory[kind] = &StepMemory{Peak: measured.Peak, Fixed: measured.Fixed, How: HowStepMemory, Devices: measured.Devices}
	return s.memory[kind]
}

// removeLarge removes the checkpoints and the trained backbone from the run folder of a finished cell. Each is as large as the
// backbone.
func removeLarge(folder string) {
	entries, _ := os.ReadDir(folder) // an unreadable folder is left as it is
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "checkpoint") || strings.HasPrefix(e.Name(), "backbone.") {
			os.RemoveAll(filepath.Join(folder, e.Name()))
		}
	}
}

// readCell reads a cell's file, nil if it is missing. It renames an incomplete file to .bad and returns nil. A file of another
// version of the program is an error, since replacing it may take days of training.
func (s *sweep) readCell(j Job) (Cell, error) {
	path := j.File
	c, err := j.Read(path)
	var bad *BadCellError
	var foreign *result.ForeignError
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.As(err, &foreign):
		return nil, fmt.Errorf("%w (choose another --out, or remove the file to make the cell again)", err)
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

// unused returns the path, with a number appended if the file exists.
func unused(path string) string {
	for name, n := path, 2; ; name, n = fmt.Sprintf("%s.%d", path, n), n+1 {
		if _, err := os.Lstat(name); err != nil {
			return name
		}
	}
}
