package sweep

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/result"
	"dtl-tf/runner/vtab"
)

// sweep is one call of Run.
type sweep struct {
	config Config
	ui     runner.UI
	locks  locks
	show   *progress
	memory memories

	architecture string // of the backbone

	pending []job                 // not finished, not tried in this call
	before  map[string]*vtab.Cell // failures of earlier calls, which are tried again
	failed  []string              // what failed in this call, and why
	kept    int                   // cells that were finished before this call
}

// pollEvery is how often a sweep looks after cells that others run.
const pollEvery = 2 * time.Second

// Run trains the cells that are missing and prints what came of it. Cells that fail are recorded with the reason, the others go
// on, and the error at the end lists them. When ctx is cancelled the cell under way keeps a checkpoint and the error wraps
// context.Canceled.
func Run(ctx context.Context, c Config, ui runner.UI) error {
	s, err := newSweep(ctx, c, ui)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// newSweep finds out what is to be done. Nothing is written yet, but damaged results are set aside.
func newSweep(ctx context.Context, c Config, ui runner.UI) (*sweep, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if _, err := c.jobs(""); err != nil { // before the backbone is read, which takes longer
		return nil, err
	}
	backbone, err := c.Describe(ctx, ui)
	if err != nil {
		return nil, err
	}
	jobs, err := c.jobs(backbone.Architecture)
	if err != nil {
		return nil, err
	}
	s := &sweep{
		config: c, ui: ui, architecture: backbone.Architecture, show: newProgress(ui.Err, ui.Quiet), before: map[string]*vtab.Cell{},
		locks: locks{me: self(c.Shard), beat: usualBeat, staleAfter: usualStaleAfter, now: time.Now, seen: map[string]sighting{}},
	}
	s.memory = memories{off: !c.Memory, warn: s.show.warn, known: map[string]*vtab.StepMemory{}}
	s.show.total = len(jobs)
	for _, j := range jobs {
		f, err := c.fineTune(j, "")
		if err == nil {
			err = f.Check()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", j.name(), err)
		}
		cell, err := s.readCell(j)
		switch {
		case err != nil:
			return nil, err
		case cell == nil:
			s.pending = append(s.pending, j)
		case cell.Status == result.Failed:
			s.before[j.name()] = cell
			s.pending = append(s.pending, j)
		default:
			if err := s.same(j, *cell, backbone); err != nil {
				return nil, err
			}
			s.kept++
			s.show.count(*cell)
		}
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	return s, nil
}

// methodsPool stands for the pooling of a cell without an override.
const methodsPool = "as the method has it"

// same makes sure that a finished cell is what is asked for: one table must not mix settings.
func (s *sweep) same(j job, c vtab.Cell, backbone result.Backbone) error {
	path := s.path(j)
	asked, err := j.recipe.With(j.overrides)
	if err != nil {
		return &runner.UsageError{Err: err}
	}
	had, err := c.Recipe.With(c.Overrides)
	if err != nil {
		return &vtab.BadCellError{Path: path, Err: err}
	}
	differ := func(what string, had, asked any) error {
		return runner.Usagef("%s was made with %s %v, asked for is %v: choose another --out, or remove the file to make it again", path, what, had, asked)
	}
	var config finetune.Record
	if err := json.Unmarshal(c.Run.Config, &config); err != nil {
		return &vtab.BadCellError{Path: path, Err: err}
	}
	f, err := s.config.fineTune(j, "")
	if err != nil {
		return err
	}
	for _, v := range []struct {
		what       string
		had, asked any
	}{
		{"evaluation on", cmp.Or(config.EvalSplit, data.Test), cmp.Or(f.EvalSplit, data.Test)},
		{"lr", had.LR, asked.LR}, {"weight_decay", had.WeightDecay, asked.WeightDecay}, {"drop_path", had.DropPath, asked.DropPath},
		{"epochs", had.Epochs, asked.Epochs}, {"batch", had.Batch, asked.Batch}, {"options", fmt.Sprint(had.Options), fmt.Sprint(asked.Options)},
		{"pool", cmp.Or(c.Overrides[vtab.Pool], methodsPool), cmp.Or(j.overrides[vtab.Pool], methodsPool)},
		{"precision", config.Precision, f.Precision}, {"drop-path-scope", config.DropPathScope, cmp.Or(f.DropPathScope, dtl.DropPathAll)}, {"the backbone of sha256", c.Run.Backbone.SHA256, backbone.SHA256},
	} {
		if v.had != v.asked {
			return differ(v.what, v.had, v.asked)
		}
	}
	return nil
}

func (s *sweep) run(ctx context.Context) error {
	if s.kept > 0 {
		s.show.note("%d of %d cells are finished already", s.kept, s.show.total)
	}
	for len(s.pending) > 0 {
		moved := false
		var holder owner
		for _, j := range slices.Clone(s.pending) {
			did, by, err := s.try(ctx, j)
			if err != nil {
				return s.stopped(err)
			}
			if did {
				s.pending = slices.DeleteFunc(s.pending, func(p job) bool { return p.name() == j.name() })
				moved = true
			} else {
				holder = by
			}
		}
		if moved || len(s.pending) == 0 {
			continue
		}
		s.show.waiting(len(s.pending), holder)
		select {
		case <-ctx.Done():
			return s.stopped(ctx.Err())
		case <-time.After(min(pollEvery, s.locks.beat)):
		}
	}
	return s.end()
}

// try runs a cell if nobody else does. It tells whether the cell is done, by whomever, and if not, who has it.
func (s *sweep) try(ctx context.Context, j job) (done bool, holder owner, err error) {
	if err := ctx.Err(); err != nil {
		return false, owner{}, err
	}
	lock, holder, err := s.locks.take(s.lockPath(j))
	if err != nil || lock == nil {
		return false, holder, err
	}
	defer func() { lock.release(done) }()
	// Only now is it sure that nobody is about to write the cell.
	cell, err := s.readCell(j)
	if err != nil {
		return false, owner{}, err
	}
	if cell != nil && (cell.Status == result.Finished || s.isNews(j, *cell)) {
		s.take(j, *cell, fmt.Sprintf(" (by %s, process %d)", cell.Machine.Host, cell.Machine.Process))
		return true, owner{}, nil
	}
	mine, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-lock.Lost:
			cancel()
		case <-mine.Done():
		}
	}()
	s.show.left = append([]job{j}, slices.DeleteFunc(slices.Clone(s.pending), func(p job) bool { return p.name() == j.name() })...)
	c, err := s.train(mine, j)
	switch {
	case !lock.mine():
		s.show.warn("%s was taken over by another process, which thought this one dead", j.name())
		return false, owner{}, nil
	case errors.Is(err, errBusy):
		return false, owner{Host: s.locks.me.Host}, nil
	case err != nil:
		return false, owner{}, err
	}
	if err := vtab.WriteCell(s.path(j), c); err != nil {
		return false, owner{}, err
	}
	if c.Status == result.Finished {
		tidy(s.lockPath(j))
	}
	s.take(j, c, "")
	return true, owner{}, nil
}

// lockPath is the cell's run folder, beside which its lock is.
func (s *sweep) lockPath(j job) string {
	return vtab.WorkPath(s.config.root(j), j.task.Folder, j.method, j.seed)
}

// isNews tells whether a failed cell was tried by another process since this call began, so that it need not be tried again.
func (s *sweep) isNews(j job, c vtab.Cell) bool {
	old := s.before[j.name()]
	return old == nil || !old.Ended.Equal(c.Ended)
}

// take counts a cell that is done and says so, and by whom if not by this process.
func (s *sweep) take(j job, c vtab.Cell, by string) {
	s.show.count(c)
	if c.Status == result.Failed {
		s.failed = append(s.failed, j.name()+": "+c.Error)
	}
	s.show.left = slices.DeleteFunc(slices.Clone(s.pending), func(p job) bool { return p.name() == j.name() })
	s.show.ended(j, c, by)
}

// stopped is the end by Ctrl-C or by an error that is not a cell's own.
func (s *sweep) stopped(err error) error {
	s.show.line.Break()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted with %s; the same command goes on: %w", s.show.counts(), err)
	}
	return err
}

// end prints what came of the sweep.
func (s *sweep) end() error {
	fmt.Fprintf(s.ui.Out, "%s: %d finished (%d before this call), %d failed; the results are in %s\n",
		plural(s.show.total, "cell"), s.show.done, s.kept, s.show.failed, s.config.Out)
	if len(s.failed) == 0 {
		return nil
	}
	for _, f := range s.failed {
		fmt.Fprintf(s.ui.Out, "  failed: %s\n", f)
	}
	return fmt.Errorf("%s of %d failed, for the reasons above; the same command tries them again", plural(len(s.failed), "cell"), s.show.total)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
