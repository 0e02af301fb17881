package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// group is cells that this process trains on one forward pass, with their locks.
type group struct {
	jobs    []Job
	locks   []*held
	cells   []Cell
	configs []finetune.Config
}

// gather returns the group of a cell, whose lock this process holds: pending cells that may train with it, that no other process has, and
// that stand at the same place, as their last checkpoints say. It is nil if the cell trains alone.
func (s *sweep) gather(j Job, lock *held) (*group, error) {
	if !j.Joins || s.apart[apartKey(j)] || !j.Config.JoinsOthers() {
		return nil, nil
	}
	at, alone := place(j)
	if alone {
		return nil, nil
	}
	g := &group{jobs: []Job{j}, locks: []*held{lock}}
	for _, other := range s.pending {
		if len(g.jobs) == s.together {
			break
		}
		if other.Name == j.Name || !other.Joins || other.Set != j.Set || !j.Config.Joins(other.Config) {
			continue
		}
		lock, _, err := s.locks.take(other.Folder)
		if err != nil {
			g.release(1)
			return nil, err
		}
		if lock == nil {
			continue
		}
		cell, err := s.readCell(other)
		if err != nil {
			lock.release(false)
			g.release(1)
			return nil, err
		}
		there, alone := place(other)
		done := cell != nil && (cell.CellOutcome().Status == result.Finished || s.isNewFailure(other, cell.CellOutcome()))
		if done || alone || there != at { // it has its turn later
			lock.release(false)
			continue
		}
		g.jobs, g.locks = append(g.jobs, other), append(g.locks, lock)
	}
	if len(g.jobs) == 1 {
		return nil, nil
	}
	return g, nil
}

// release gives up the locks from one on. The cells are not done.
func (g *group) release(from int) {
	for _, lock := range g.locks[from:] {
		lock.release(false)
	}
}

// apartKey is what decides that a cell's method shares nothing.
func apartKey(j Job) string { return j.Method }

// place returns where a cell's run continues. alone says that it trains alone because its folder has something to look at first.
func place(j Job) (at train.Position, alone bool) {
	earlier, err := result.ReadRun(j.Folder)
	if err == nil && earlier.Status == result.Finished {
		return at, true
	}
	c, err := checkpoint.NewStore(j.Folder).Newest()
	switch {
	case errors.Is(err, checkpoint.ErrNone), errors.Is(err, fs.ErrNotExist):
		return at, false
	case err != nil:
		return at, true
	}
	return train.Position{Epochs: c.Position.Epochs, Steps: c.Position.Steps, StepInEpoch: c.Position.StepInEpoch}, false
}

// tryTogether trains a group and writes the files of its cells. ok is false if they have to train one by one.
func (s *sweep) tryTogether(ctx context.Context, g *group) (ok bool, err error) {
	ended := make([]bool, len(g.jobs))
	defer func() {
		for i, lock := range g.locks[1:] { // the first is its taker's
			lock.release(ended[i+1])
		}
	}()
	locked, cancel := whileHeld(ctx, g.locks...)
	defer cancel()
	s.show.left = slices.Concat(g.jobs, s.others(g))
	s.show.noteOnce("%s and %d more train on one forward pass", g.jobs[0].Name, len(g.jobs)-1)
	done, err := s.fineTuneTogether(locked, g)
	lost := false
	for i, lock := range g.locks {
		if !lock.mine() {
			lost = true
			s.show.warn("%s was taken over by another process, which thought this one dead", g.jobs[i].Name)
		}
	}
	switch {
	case err != nil && lost:
		return true, nil // the others continue from their checkpoints
	case errors.As(err, new(*result.LockedError)):
		return true, nil // a process that still ends; the next turn finds out
	case err != nil && ctx.Err() != nil:
		return true, err
	case err != nil:
		s.show.note("%s: trains alone: %v", g.jobs[0].Name, err)
		s.apart[apartKey(g.jobs[0])] = errors.As(err, new(*finetune.ApartError))
		return false, nil
	}
	if len(done) < len(g.jobs) { // memory does not suffice for more
		s.together = max(len(done), 1)
	}
	for i, d := range done {
		if !g.locks[i].mine() {
			continue
		}
		o := g.cells[i].CellOutcome()
		d.Run.Format = result.Format
		o.Ended, o.Run = result.Now(), &d.Run
		o.end(d.Err)
		if err := WriteCell(g.jobs[i].File, g.cells[i]); err != nil {
			return true, err
		}
		if o.Status == result.Finished {
			removeLarge(g.jobs[i].Folder)
		}
		ended[i] = true
		s.pending = without(s.pending, g.jobs[i])
		s.end(g.jobs[i], o, "")
	}
	return true, nil
}

// others are the pending cells outside a group.
func (s *sweep) others(g *group) (list []Job) {
	list = s.pending
	for _, j := range g.jobs {
		list = without(list, j)
	}
	return list
}

// fineTuneTogether trains the cells of a group, from their last checkpoints if there are some.
func (s *sweep) fineTuneTogether(ctx context.Context, g *group) ([]finetune.Joined, error) {
	for _, j := range g.jobs {
		cell := j.New()
		f := j.Config
		if j.Find != nil {
			if err := j.Find(&f); err != nil {
				return nil, err
			}
		}
		s.start(j, cell.CellOutcome())
		if err := s.resume(j, &f, cell.CellOutcome()); err != nil {
			return nil, err
		}
		cell.CellOutcome().StepMemory = s.stepMemory(ctx, j, f)
		g.cells, g.configs = append(g.cells, cell), append(g.configs, f)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := g.jobs[0]
	first.Name = fmt.Sprintf("%s and %d more", first.Name, len(g.jobs)-1)
	ui := runner.UI{Out: io.Discard, Err: io.Discard, Version: s.ui.Version, Watch: func(h *train.Hooks) { s.show.follow(h, first, len(g.jobs)) }}
	return finetune.Together(ctx, g.configs, ui)
}

// start fills in what is known when a cell starts.
func (s *sweep) start(j Job, o *Outcome) {
	o.Recipe, o.Overrides, o.Started = j.Recipe, j.Overrides, result.Now()
	o.Machine = Machine{Host: s.locks.me.Host, Process: s.locks.me.Process, Shard: s.config.Shard, Processor: machine.Processor()}
}
