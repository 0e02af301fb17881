package finetune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// MostTogether is the largest number of runs that Together trains at a time. The graph grows with each of them.
const MostTogether = 32

// settingCopies is how many copies of its trainable parameters a further setting keeps, in float32: variables, two moments, gradients, the
// last good values and those that are read, and as much again for what the allocator holds. settingGraph is its share of the graph in bytes,
// rounded up: ViT-Ti took 44 MiB more for each further setting of DTL, and 3 for each of linear (docs/vtab.md).
const (
	settingCopies = 10
	settingGraph  = 48 << 20
)

// ApartError says why runs can't train together. Nothing has changed on the disk, and each can train alone.
type ApartError struct{ err error }

// Error implements error.
func (e *ApartError) Error() string { return e.err.Error() }

// Unwrap returns the reason, for package errors.
func (e *ApartError) Unwrap() error { return e.err }

// Joined is the outcome of one of several runs that trained together.
type Joined struct {
	Run result.Run
	Err error // why it failed, nil if it is finished
}

// JoinsOthers reports whether a run with these settings may share a forward pass with others, as far as settings tell: the method may share
// nothing yet, for which Together returns an ApartError.
func (c Config) JoinsOthers() bool {
	c = c.filled()
	shared := c.Method != "full" && (c.DropPath == 0 || c.DropPathScope == dtl.DropPathSuffix)
	return shared && c.Init != InitRandom && c.InitAdapter == "" && c.Memory == "" && !c.TensorBoard && len(c.Targets) == 0 && c.Devices == "" && c.Cluster == ""
}

// Joins reports whether two runs differ only in what settings on one forward pass may differ in: learning rate, weight decay, drop path and
// options of the method. Their seeds are the same, because it is also that of the order of the images.
func (c Config) Joins(other Config) bool {
	common := func(c Config) Config {
		c = c.filled()
		c.Screen = nil
		c.Out, c.LearningRate, c.WeightDecay, c.DropPath, c.Options, c.Resume, c.Overwrite = "", 0, 0, 0, nil, false, false
		return c
	}
	return c.JoinsOthers() && other.JoinsOthers() && reflect.DeepEqual(common(c), common(other))
}

// Together trains runs of which each Joins the others, with one forward pass for what they share (see dtl.Joint). Each ends as Run would have
// ended it, to rounding, with the same files in its Config.Out, checkpoints included. With Resume all of them continue from checkpoints of
// the same position. It trains only the first of the runs if memory does not suffice for all, and returns an outcome for each that it trained.
//
// A run that diverges fails alone. Other errors during the training are those of all. The error is an *ApartError if the runs can't train
// together, a *result.LockedError if another process uses a folder, or wraps context.Canceled after an interruption.
func Together(ctx context.Context, runs []Config, ui runner.UI) ([]Joined, error) {
	ui.Err = report.NewScreen(ui.Err)
	s := &sweep{config: runs[0].filled(), resumes: true, ui: ui}
	for i, c := range runs {
		c = c.filled()
		if err := c.check(); err != nil {
			return nil, err
		}
		s.variants = append(s.variants, variant{fmt.Sprintf("run %d", i+1), func(base Config) Config {
			base.Out, base.LearningRate, base.WeightDecay, base.DropPath, base.Options = c.Out, c.LearningRate, c.WeightDecay, c.DropPath, c.Options
			base.Resume, base.Overwrite = c.Resume, c.Overwrite
			return base
		}})
	}
	defer limitGarbage()()
	// The graph of all runs is memory of TensorFlow's, which Go's collector frees but does not count.
	defer debug.FreeOSMemory()
	defer s.close()
	if err := s.openTogether(ctx); err != nil {
		return nil, err
	}
	err := s.run(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil, err
	}
	var list []Joined
	for _, m := range s.settings {
		list = append(list, Joined{m.record, cmp.Or(m.failed, err)})
	}
	return list, nil
}

// openTogether opens the folders, the data and the graph of runs.
func (s *sweep) openTogether(ctx context.Context) error {
	if err := s.plan(ctx); err != nil {
		return err
	}
	if err := s.fitMemory(); err != nil {
		return err
	}
	for _, m := range s.settings {
		if err := s.openFolder(m); err != nil {
			return err
		}
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.resume(); err != nil {
		return err
	}
	if err := s.openFolders(); err != nil {
		return err
	}
	for _, m := range s.settings {
		if err := errors.Join(m.startMetrics(), m.checkpoints.Tidy()); err != nil {
			return err
		}
	}
	return nil
}

// fitMemory drops the last settings if what they add takes more than a quarter of the available memory. The first setting adds nothing: it
// needs as much as a separate run.
func (s *sweep) fitMemory() error {
	extra := int64(0)
	var models []*dtl.Model
	for i, m := range s.settings {
		model, err := m.found(models, s.settings[:i])
		if err != nil {
			return &ApartError{err}
		}
		models = append(models, model)
		if len(model.Stored(m.config.training())) == 0 {
			return &ApartError{fmt.Errorf("method %s shares no block of the backbone with other settings", m.method.Method.Name())}
		}
		extra = max(extra, settingCopies*model.Trainable.Bytes()+settingGraph)
	}
	most, available := MostTogether, machine.AvailableBytes()
	if available > 0 {
		most = min(most, 1+int(available/4/extra))
	}
	if len(s.settings) > most {
		s.base.data.notes = append(s.base.data.notes, fmt.Sprintf("%d of %d points train on one forward pass at a time: a point adds up to %s, and all together at most a quarter of the %s of memory that are available (no more than %d points in any case)",
			most, len(s.settings), report.Bytes(extra), report.Bytes(available), MostTogether))
		s.settings, s.variants = s.settings[:most], s.variants[:most]
	}
	return nil
}

// found builds the model of a setting, or returns that of an earlier one with the same options.
func (m *member) found(models []*dtl.Model, earlier []*member) (*dtl.Model, error) {
	for i, e := range earlier {
		if reflect.DeepEqual(e.method, m.method) {
			return models[i], nil
		}
	}
	return m.newModel()
}

// resume continues all settings from their checkpoints, which must be of the same position.
func (s *sweep) resume() error {
	for i, m := range s.settings {
		if !m.config.Resume {
			continue
		}
		finished, err := m.run.resume()
		switch {
		case err != nil:
			return err
		case finished != nil:
			return &ApartError{errors.New("a run is finished already")}
		case !samePlace(m.from, s.settings[0].from):
			return &ApartError{fmt.Errorf("run %d continues at another place than the first", i+1)}
		}
		m.lossSum, m.steps = m.from.LossSum, m.from.StepInEpoch
	}
	return nil
}

// samePlace reports whether two runs continue with the same batch.
func samePlace(a, b train.Position) bool {
	return a.Epochs == b.Epochs && a.Steps == b.Steps && a.StepInEpoch == b.StepInEpoch
}
