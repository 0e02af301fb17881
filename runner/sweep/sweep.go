// Package sweep trains the cells of a benchmark's table: every method on every data set with every seed. A finished cell is a JSON
// file. Each call trains the missing cells and resumes interrupted ones from their last checkpoints. Any number of processes on any
// number of machines can share a folder of results. A benchmark, such as package vtab, says what its cells are: see Job.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// sweep is one call of Run.
type sweep struct {
	config Config
	ui     runner.UI
	locks  locks
	show   *progress

	backbone result.Backbone
	images   dataCheck

	memory  map[string]*StepMemory // by kind of cell
	pending []Job                  // neither finished nor tried in this call
	earlier map[string]*Outcome    // failed cells of earlier calls, which are tried again
	failed  []string               // cells that failed in this call, with reasons
	kept    int                    // number of cells that earlier calls finished

	together int             // how many cells train on one forward pass at most
	apart    map[string]bool // by apartKey: cells that turned out to share nothing
}

// pollEvery is the time between checks of the cells that other processes run.
const pollEvery = 2 * time.Second

// Run trains the missing cells and prints a summary. It records a failed cell with the reason and continues with the others; the
// error at the end counts the failed cells. When ctx is cancelled, the current cell writes a checkpoint and the error wraps
// context.Canceled.
func Run(ctx context.Context, c Config, jobs Jobs, ui runner.UI) error {
	choice, err := c.Parse()
	if err != nil {
		return err
	}
	if c.BackboneConfig, err = c.Local(ctx); err != nil { // once, so that all cells have the same commit
		return err
	}
	bb, err := c.Load(ctx)
	if err != nil {
		return err
	}
	runner.NoteSources(bb, false, ui.Note)
	described := runner.DescribeBackbone(bb)
	list, err := jobs(c, described)
	if err != nil {
		return err
	}
	return RunJobs(ctx, c, described, choice.OfShard(list), ui)
}

// RunJobs is Run for jobs that are known, whatever the shard. c and described are those that Run has given to its Jobs, which may call it for
// cells that come before those of the table.
func RunJobs(ctx context.Context, c Config, described result.Backbone, list []Job, ui runner.UI) error {
	s, err := newSweep(ctx, c, described, list, ui)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// newSweep finds the cells to train. It renames damaged results.
func newSweep(ctx context.Context, c Config, described result.Backbone, list []Job, ui runner.UI) (*sweep, error) {
	s := &sweep{
		together: finetune.MostTogether, apart: map[string]bool{},
		config: c, backbone: described, ui: ui, show: newProgress(ui.Err, ui.Quiet), memory: map[string]*StepMemory{}, earlier: map[string]*Outcome{},
		locks: locks{me: self(c.Shard), beat: usualBeat, staleAfter: usualStaleAfter, now: time.Now, seen: map[string]sighting{}},
	}
	s.show.total = len(list)
	s.images = dataCheck{s.show.note, map[string]string{}}
	if err := checkSettings(list, described); err != nil {
		return nil, err
	}
	for _, j := range list {
		cell, err := s.readCell(j)
		switch {
		case err != nil:
			return nil, err
		case cell == nil:
			s.pending = append(s.pending, j)
		case cell.CellOutcome().Status == result.Failed:
			s.earlier[j.Name] = cell.CellOutcome()
			s.pending = append(s.pending, j)
		default:
			if err := s.checkSame(ctx, j, cell.CellOutcome()); err != nil {
				return nil, err
			}
			s.kept++
			s.show.count(j, cell.CellOutcome())
		}
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return s, nil
}

// checkSettings returns an error for a job whose training would refuse its settings. A method that can't adapt the backbone at all is left
// to its cells, which fail with the reason while others train.
func checkSettings(list []Job, described result.Backbone) error {
	arch, err := backbone.Parse(described.Architecture)
	if err != nil {
		arch = nil // of a family that has no description
	}
	for _, j := range list {
		err := j.Config.Check()
		if err == nil && arch != nil {
			err = j.checkOverrides(arch)
		}
		if err != nil {
			return fmt.Errorf("%s, with its recipe and --set: %w", j.Name, err)
		}
	}
	return nil
}

// checkOverrides returns the UsageError for overrides that the method can't have on a backbone.
func (j Job) checkOverrides(arch backbone.Architecture) error {
	_, err := j.Config.Resolve(arch)
	if err == nil {
		return nil
	}
	published := runner.MethodConfig{Method: j.Method, Options: j.Recipe.Options}
	if _, alone := published.Resolve(arch); alone != nil {
		return nil
	}
	return err
}

func (s *sweep) run(ctx context.Context) error {
	if s.kept > 0 {
		s.show.note("%d of %d cells are finished already", s.kept, s.show.total)
	}
	for len(s.pending) > 0 {
		before := len(s.pending)
		var holder owner
		for _, j := range s.pending {
			if !s.isPending(j) { // it trained with one before it
				continue
			}
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

func (s *sweep) isPending(j Job) bool {
	return slices.ContainsFunc(s.pending, func(other Job) bool { return other.Name == j.Name })
}

// without returns the jobs without one of them.
func without(jobs []Job, j Job) []Job {
	return slices.DeleteFunc(slices.Clone(jobs), func(other Job) bool { return other.Name == j.Name })
}

// try trains a cell unless another process does. It returns whether the cell is done, by any process, and if not, the process
// that has it.
func (s *sweep) try(ctx context.Context, j Job) (done bool, holder owner, err error) {
	if err := ctx.Err(); err != nil {
		return false, owner{}, err
	}
	lock, holder, err := s.locks.take(j.Folder)
	if err != nil || lock == nil {
		return false, holder, err
	}
	defer func() { lock.release(done) }()
	// Before the lock was taken, another process could have been about to write the cell.
	cell, err := s.readCell(j)
	if err != nil {
		return false, owner{}, err
	}
	if cell != nil {
		o := cell.CellOutcome()
		if o.Status == result.Finished { // by a process that may have been started with other settings
			if err := s.checkSame(ctx, j, o); err != nil {
				return false, owner{}, err
			}
		}
		if o.Status == result.Finished || s.isNewFailure(j, o) {
			s.end(j, o, fmt.Sprintf(" (by %s, process %d)", o.Machine.Host, o.Machine.Process))
			return true, owner{}, nil
		}
	}
	g, err := s.gather(j, lock)
	if err != nil {
		return false, owner{}, err
	}
	if g != nil {
		ok, err := s.tryTogether(ctx, g)
		if ok || err != nil {
			return !s.isPending(j), owner{Host: s.locks.me.Host}, err
		}
	}
	locked, cancel := whileHeld(ctx, lock)
	defer cancel()
	s.show.left = append([]Job{j}, without(s.pending, j)...)
	cell, err = s.train(locked, j)
	switch {
	case !lock.mine():
		s.show.warn("%s was taken over by another process, which thought this one dead", j.Name)
		return false, owner{}, nil
	case errors.As(err, new(*result.LockedError)): // its owner is a process on this machine
		return false, owner{Host: s.locks.me.Host}, nil
	case err != nil:
		return false, owner{}, err
	}
	if err := WriteCell(j.File, cell); err != nil {
		return false, owner{}, err
	}
	if cell.CellOutcome().Status == result.Finished {
		removeLarge(j.Folder)
	}
	s.end(j, cell.CellOutcome(), "")
	return true, owner{}, nil
}

// checkSame returns an error if a finished cell was made with other settings or images than the job's.
func (s *sweep) checkSame(ctx context.Context, j Job, o *Outcome) error {
	if err := j.checkSame(o, s.backbone); err != nil {
		return err
	}
	return s.images.check(ctx, j, o)
}

// isNewFailure reports whether a cell failed in another process since this call began, so that it is not tried again.
func (s *sweep) isNewFailure(j Job, o *Outcome) bool {
	earlier := s.earlier[j.Name]
	return earlier == nil || !earlier.Ended.Equal(o.Ended)
}

// end counts and prints a cell that is done. by names the process if it is another.
func (s *sweep) end(j Job, o *Outcome, by string) {
	s.show.count(j, o)
	if o.Status == result.Failed {
		s.failed = append(s.failed, j.Name+": "+o.Error)
	}
	s.show.left = without(s.pending, j)
	s.show.ended(j, o, by)
}

// summary prints how many cells are finished and which failed in this call.
func (s *sweep) summary() error {
	fmt.Fprintf(s.ui.Out, "%s: %d finished (%d before this call), %d failed; the results are in %s\n",
		report.Count(s.show.total, "cell"), s.show.finished, s.kept, s.show.failed, s.config.Out)
	if s.config.Table != "" {
		fmt.Fprintf(s.ui.Out, "Table: %s %s\n", s.config.Table, spell.Shell(s.config.Out))
	}
	if len(s.failed) == 0 {
		return nil
	}
	for _, f := range s.failed {
		fmt.Fprintf(s.ui.Out, "  failed: %s\n", f)
	}
	return &FailedError{Failed: len(s.failed), Total: s.show.total}
}

// FailedError says that cells failed, while the others are finished. The summary that Run prints has the reasons.
type FailedError struct{ Failed, Total int }

// Error implements error.
func (e *FailedError) Error() string {
	return fmt.Sprintf("%s of %d failed, for the reasons above; the same command tries them again", report.Count(e.Failed, "cell"), e.Total)
}
