package finetune

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/spell"
	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// Sweep trains the settings of a grid, Config.Sweep. If the method leaves leading blocks of the backbone as they are, the settings train
// together: the part of the forward pass that they share runs once for a batch (see dtl.Joint). Otherwise they train one after another, and
// can be resumed. Each setting has a folder below Config.Out with the files of a run. Its results equal those of a single run to rounding. The
// seed of the grid is that of the initial values and of drop path; the order of the images, augmentation and images that are set aside
// follow Config.Seed for all settings. given tells whether the user gave a flag. Sweep prints the settings by their accuracy on the
// validation images, and writes the table to sweep.csv.
//
// A setting that diverges fails alone. If ctx is cancelled, the settings end as interrupted with what has been trained.
func Sweep(ctx context.Context, c Config, given func(flag string) bool, ui runner.UI) error {
	ui.Err = report.NewScreen(ui.Err)
	c = c.filled()
	s, err := newSweep(c, given, ui)
	if err != nil {
		return err
	}
	if s.config.Auto.Out {
		s.config.Out = defaultOut(c.Data, c.Overwrite || c.Resume)
		ui.Note("--out %s", s.config.Out)
	}
	if s.folder, err = s.openOut(); err != nil {
		return err
	}
	defer s.folder.Close()
	defer limitGarbage()()
	for _, p := range s.points {
		out := filepath.Join(s.config.Out, p.String())
		s.variants = append(s.variants, variant{p.String(), func(c Config) Config {
			c = p.apply(c)
			c.Out = out
			return c
		}})
	}
	defer s.close()
	if err := s.plan(ctx); err != nil {
		return err
	}
	method, err := s.sharesNothing()
	if err != nil {
		return err
	}
	if method != "" {
		err = s.trainApart(ctx, method)
	} else {
		err = s.trainTogether(ctx, given)
	}
	if err != nil {
		return err
	}
	return s.print()
}

// openOut opens the folder of the grid.
func (s *sweep) openOut() (*result.Folder, error) {
	policy := s.config.policy()
	if s.config.Resume { // a sweep has no run.json for package result to find
		begun := slices.ContainsFunc(s.points, func(p point) bool {
			_, err := os.Stat(filepath.Join(s.config.Out, p.String()))
			return err == nil
		})
		if !begun {
			return nil, runner.Usagef("--resume: none of the %s of --sweep has a folder in %s", report.Count(len(s.points), "setting"), s.config.Out)
		}
		policy = result.Overwrite // a lock, nothing is cleared
	}
	return result.OpenFolder(s.config.Out, policy)
}

// trainTogether trains the settings on the same batches.
func (s *sweep) trainTogether(ctx context.Context, given func(flag string) bool) error {
	if err := s.checkTogether(given); err != nil {
		return err
	}
	s.base.config.CheckpointEvery = 0 // nothing continues from a checkpoint
	for _, m := range s.settings {
		m.config.CheckpointEvery = 0
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	if err := s.folder.Clear(s.config.files()...); err != nil {
		return err
	}
	if err := s.openFolders(); err != nil {
		return err
	}
	if err := s.noteOthers(); err != nil {
		return err
	}
	return s.run(ctx)
}

// sweep is several settings on one data set: those of a grid, or those of Together.
type sweep struct {
	config   Config
	axes     []axis
	points   []point // of the grid
	variants []variant
	resumes  bool // the settings write checkpoints and continue from them
	ui       runner.UI
	folder   *result.Folder // of the grid, nil for those of Together
	base     *plan          // of the first setting, with the seed of the order
	joint    *dtl.Joint
	settings []*member
	batches  batches
	frozen   string
	closers  []func()
}

// variant is how one setting of a sweep differs from the others.
type variant struct {
	name  string // in messages
	apply func(c Config) Config
}

// member is a setting of a sweep.
type member struct {
	*run
	index   int // among the settings
	name    string
	point   point   // of the grid
	loss    float64 // of the last step
	lossSum float64 // of the steps of the epoch
	steps   int     // of the epoch
	latest  *train.Look
	failed  error
	stopped bool // by --patience
}

func (m *member) trains() bool { return m.failed == nil && !m.stopped }

// plan reads the backbone and the data, and makes the settings.
func (s *sweep) plan(ctx context.Context) (err error) {
	first := s.variants[0].apply(s.config)
	first.Seed = s.config.Seed
	if s.base, err = newPlan(ctx, first, s.ui.Version, s.ui.Note); err != nil {
		return err
	}
	s.closers = append(s.closers, s.base.data.close)
	for _, v := range s.variants {
		m, err := s.member(v)
		if err != nil {
			return err
		}
		s.settings = append(s.settings, m)
	}
	for i, p := range s.points {
		s.settings[i].point = p
	}
	return nil
}

// begin builds the graph and opens the input.
func (s *sweep) begin(ctx context.Context) error {
	var settings []dtl.Setting
	for _, m := range s.settings {
		m.together = len(s.settings)
		settings = append(settings, dtl.Setting{Method: m.method.Method, Training: m.config.training(), Seed: m.config.Seed})
	}
	if err := s.build(settings, graph.FP32); err != nil {
		return err
	}
	if err := s.openInput(ctx, settings); err != nil {
		return err
	}
	return interrupted(ctx)
}

// member returns a setting without a trainer.
func (s *sweep) member(v variant) (*member, error) {
	one := *s.base
	seed := s.base.config.Seed
	one.orderSeed = &seed
	one.config = v.apply(s.base.config)
	var err error
	if one.method, err = one.config.Resolve(one.backbone.Architecture); err != nil {
		return nil, s.refuse(fmt.Errorf("%s: %w", v.name, err))
	}
	one.schedule.Peak = one.config.LearningRate
	quiet := runner.UI{Out: io.Discard, Err: io.Discard, Quiet: true, Version: s.ui.Version}
	return &member{run: &run{plan: &one, ui: quiet, progress: report.NewProgress(io.Discard, true)}, index: len(s.settings), name: v.name}, nil
}

// build makes the graph, whose steps take stored values of the given type, and gives each setting its trainer.
func (s *sweep) build(settings []dtl.Setting, element graph.Precision) (err error) {
	if s.joint != nil {
		if err := s.joint.Close(); err != nil {
			return err
		}
	}
	p := s.base
	config := p.config.model(p.backbone, p.method, p.data.classes, runner.Devices{Kind: p.devices.Kind})
	if s.joint, err = dtl.NewJoint(config, settings, element, dtl.Start{Session: p.config.SessionOptions(), Weights: p.backbone.Weights}); err != nil {
		return s.refuse(err)
	}
	for i, m := range s.settings {
		m.stored = s.joint.Settings[i]
		m.trainer = m.stored.Trainer
	}
	s.frozen, err = frozenSHA256(s.settings[0].trainer)
	return err
}

// refuse returns the error for settings that can't train together.
func (s *sweep) refuse(err error) error {
	if s.resumes {
		return &ApartError{err}
	}
	return runner.Usagef("--sweep: %w", err)
}

// openFolders opens the folder of each setting.
func (s *sweep) openFolders() error {
	for _, m := range s.settings {
		if m.folder == nil {
			if err := s.openFolder(m); err != nil {
				return err
			}
		}
		if err := m.folder.Clear(s.config.files()...); err != nil {
			return err
		}
		if err := errors.Join(m.writeSplit(), m.save()); err != nil {
			return err
		}
	}
	return nil
}

// openFolder locks the folder of a setting.
func (s *sweep) openFolder(m *member) error {
	folder, err := result.OpenFolder(m.config.Out, m.config.policy())
	if err != nil {
		return err
	}
	s.closers = append(s.closers, folder.Close)
	m.folder, m.checkpoints = folder, checkpoint.NewStore(folder.Path(""))
	return nil
}

// noteOthers names the runs of an earlier sweep that stay in the folder.
func (s *sweep) noteOthers() error {
	entries, err := os.ReadDir(s.folder.Path(""))
	if err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	var others []string
	for _, e := range entries {
		_, err := os.Stat(filepath.Join(s.folder.Path(e.Name()), result.RunFile))
		mine := slices.ContainsFunc(s.points, func(p point) bool { return p.String() == e.Name() })
		if e.IsDir() && err == nil && !mine {
			others = append(others, e.Name())
		}
	}
	if len(others) > 0 {
		s.ui.Note("%s of an earlier sweep, not in the table of this one: %s in %s", report.Count(len(others), "run"), spell.Few(others, 3), s.folder.Path(""))
	}
	return nil
}

func (s *sweep) close() {
	for _, c := range slices.Backward(s.closers) {
		c()
	}
	if s.joint != nil {
		_ = s.joint.Close()
	}
}
