// Package sweep trains the cells of a VTAB-1k table: every method on every task with every seed. A finished cell is a JSON file.
// Each call trains the missing cells and resumes interrupted ones from their last checkpoints. Any number of processes on any
// number of machines can share a folder of results.
package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/vtab"
)

// sweep is one call of Run or Search.
type sweep struct {
	plan  *plan
	ui    runner.UI
	locks locks
	show  *progress

	memory  map[string]*vtab.StepMemory // by kind of cell
	pending []job                       // neither finished nor tried in this call
	earlier map[string]*vtab.Cell       // failed cells of earlier calls, which are tried again
	failed  []string                    // cells that failed in this call, with reasons
	kept    int                         // number of cells that earlier calls finished
}

// pollEvery is the time between checks of the cells that other processes run.
const pollEvery = 2 * time.Second

// Run trains the missing cells and prints a summary. It records a failed cell with the reason and continues with the others; the
// error at the end counts the failed cells. When ctx is cancelled, the current cell writes a checkpoint and the error wraps
// context.Canceled.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	s, err := newSweep(ctx, c, ui)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// newSweep finds the cells to train. It renames damaged results.
func newSweep(ctx context.Context, c Config, ui runner.UI) (*sweep, error) {
	p, err := newPlan(c)
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if p.BackboneConfig, err = p.Local(ctx); err != nil { // once, so that all cells have the same commit
		return nil, err
	}
	bb, err := p.Load(ctx)
	if err != nil {
		return nil, err
	}
	runner.NoteSources(bb, false, ui.Note)
	backbone := runner.DescribeBackbone(bb)
	jobs, err := p.jobs(backbone.Architecture)
	if err != nil {
		return nil, err
	}
	s := &sweep{
		plan: p, ui: ui, show: newProgress(ui.Err, ui.Quiet), memory: map[string]*vtab.StepMemory{}, earlier: map[string]*vtab.Cell{},
		locks: locks{me: self(p.Shard), beat: usualBeat, staleAfter: usualStaleAfter, now: time.Now, seen: map[string]sighting{}},
	}
	s.show.total = len(jobs)
	for _, j := range jobs {
		if err := j.config.Check(); err != nil {
			return nil, fmt.Errorf("%s, with its recipe and --set: %w", j.name(), err)
		}
		cell, err := s.readCell(j)
		switch {
		case err != nil:
			return nil, err
		case cell == nil:
			s.pending = append(s.pending, j)
		case cell.Status == result.Failed:
			s.earlier[j.name()] = cell
			s.pending = append(s.pending, j)
		default:
			if err := s.checkSame(j, *cell, backbone); err != nil {
				return nil, err
			}
			s.kept++
			s.show.count(*cell)
		}
	}
	if err := os.MkdirAll(p.Out, 0o777); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return s, nil
}

// defaultPool stands for the pooling of a cell without an override.
const defaultPool = "as the method has it"

// checkSame returns an error if a finished cell has other settings than the job: a table must not mix settings.
func (s *sweep) checkSame(j job, c vtab.Cell, backbone result.Backbone) error {
	path := s.plan.cellPath(j)
	had, err := c.Recipe.With(c.Overrides)
	if err != nil {
		return &vtab.BadCellError{Path: path, Err: err}
	}
	record, err := finetune.ReadRecord(c.Run.Config)
	if err != nil {
		return &result.ForeignError{Err: fmt.Errorf("%s: %w", path, err)}
	}
	f := j.config
	for _, v := range []struct {
		setting    string
		had, asked any
	}{
		{"evaluation on", cmp.Or(record.EvalSplit, data.Test), cmp.Or(f.EvalSplit, data.Test)},
		{"lr", had.LR, f.LearningRate}, {"weight_decay", had.WeightDecay, f.WeightDecay}, {"drop_path", had.DropPath, f.DropPath},
		{"epochs", had.Epochs, f.Epochs}, {"batch", had.Batch, f.Batch}, {"options", fmt.Sprint(had.Options), fmt.Sprint(map[string]string(f.Options))},
		{"pool", cmp.Or(c.Overrides[vtab.Pool], defaultPool), cmp.Or(j.overrides[vtab.Pool], defaultPool)},
		{"precision", record.Precision, f.Precision}, {"drop-path-scope", record.DropPathScope, cmp.Or(f.DropPathScope, dtl.DropPathAll)},
		{"the backbone of sha256", c.Run.Backbone.SHA256, backbone.SHA256},
	} {
		if v.had != v.asked {
			return runner.Usagef("%s was made with %s %v, but this call asks for %v: choose another --out, or remove the file to make it again", path, v.setting, v.had, v.asked)
		}
	}
	return nil
}

func (s *sweep) run(ctx context.Context) error {
	if s.kept > 0 {
		s.show.note("%d of %d cells are finished already", s.kept, s.show.total)
	}
	for len(s.pending) > 0 {
		before := len(s.pending)
		var holder owner
		for _, j := range s.pending {
			done, other, err := s.try(ctx, j)
			if err != nil {
				s.show.line.Break()
				if errors.Is(err, context.Canceled) {
					return fmt.Errorf("interrupted with %s; the same command continues: %w", s.show.counts(), err)
				}
				return err
			}
			if done {
				s.pending = without(s.pending, j)
			} else {
				holder = other
			}
		}
		if len(s.pending) < before {
			continue
		}
		s.show.waiting(len(s.pending), holder)
		select {
		case <-ctx.Done(): // the next try returns its error
		case <-time.After(min(pollEvery, s.locks.beat)):
		}
	}
	return s.summary()
}

// without returns the jobs without one of them.
func without(jobs []job, j job) []job {
	return slices.DeleteFunc(slices.Clone(jobs), func(other job) bool { return other.name() == j.name() })
}

// try trains a cell unless another process does. It returns whether the cell is done, by any process, and if not, the process
// that has it.
func (s *sweep) try(ctx context.Context, j job) (done bool, holder owner, err error) {
	if err := ctx.Err(); err != nil {
		return false, owner{}, err
	}
	folder := s.plan.runFolder(j)
	lock, holder, err := s.locks.take(folder)
	if err != nil || lock == nil {
		return false, holder, err
	}
	defer func() { lock.release(done) }()
	// Before the lock was taken, another process could have been about to write the cell.
	cell, err := s.readCell(j)
	if err != nil {
		return false, owner{}, err
	}
	if cell != nil && (cell.Status == result.Finished || s.isNewFailure(j, *cell)) {
		s.end(j, *cell, fmt.Sprintf(" (by %s, process %d)", cell.Machine.Host, cell.Machine.Process))
		return true, owner{}, nil
	}
	locked, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-lock.Lost:
			cancel()
		case <-locked.Done():
		}
	}()
	s.show.left = append([]job{j}, without(s.pending, j)...)
	c, err := s.train(locked, j)
	switch {
	case !lock.mine():
		s.show.warn("%s was taken over by another process, which thought this one dead", j.name())
		return false, owner{}, nil
	case errors.As(err, new(*result.LockedError)): // its owner is a process on this machine
		return false, owner{Host: s.locks.me.Host}, nil
	case err != nil:
		return false, owner{}, err
	}
	if err := vtab.WriteCell(s.plan.cellPath(j), c); err != nil {
		return false, owner{}, err
	}
	if c.Status == result.Finished {
		removeLarge(folder)
	}
	s.end(j, c, "")
	return true, owner{}, nil
}

// isNewFailure reports whether a cell failed in another process since this call began, so that it is not tried again.
func (s *sweep) isNewFailure(j job, c vtab.Cell) bool {
	earlier := s.earlier[j.name()]
	return earlier == nil || !earlier.Ended.Equal(c.Ended)
}

// end counts and prints a cell that is done. by names the process if it is another.
func (s *sweep) end(j job, c vtab.Cell, by string) {
	s.show.count(c)
	if c.Status == result.Failed {
		s.failed = append(s.failed, j.name()+": "+c.Error)
	}
	s.show.left = without(s.pending, j)
	s.show.ended(j, c, by)
}

// summary prints how many cells are finished and which failed in this call.
func (s *sweep) summary() error {
	fmt.Fprintf(s.ui.Out, "%s: %d finished (%d before this call), %d failed; the results are in %s\n",
		report.Count(s.show.total, "cell"), s.show.finished, s.kept, s.show.failed, s.plan.Out)
	if len(s.failed) == 0 {
		return nil
	}
	for _, f := range s.failed {
		fmt.Fprintf(s.ui.Out, "  failed: %s\n", f)
	}
	return fmt.Errorf("%s of %d failed, for the reasons above; the same command tries them again", report.Count(len(s.failed), "cell"), s.show.total)
}
