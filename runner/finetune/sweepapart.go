package finetune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/dtl"
	"dtl-tf/runner/assess/page"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// sharesNothing names the method if it changes the backbone from its first block on for one of the settings, so that they have no forward
// pass to share. Otherwise it returns "".
func (s *sweep) sharesNothing() (method string, err error) {
	var models []*dtl.Model
	for i, m := range s.settings {
		model, err := m.found(models, s.settings[:i])
		if err != nil {
			return "", fmt.Errorf("--sweep: %s: %w", m.name, err)
		}
		if len(model.Stored(dtl.Training{})) == 0 {
			return m.method.Method.Name(), nil
		}
		models = append(models, model)
	}
	return "", nil
}

// trainApart trains the settings one after another, each as a run on the data of the sweep. With Config.Resume it leaves finished ones alone and
// continues interrupted ones.
func (s *sweep) trainApart(ctx context.Context, method string) error {
	s.ui.Note("sweep: %s of %s train one after another, because the method changes the backbone from its first block on; the order of the images is that of seed %d",
		report.Count(len(s.settings), "setting"), method, s.base.config.Seed)
	if s.base.data.val == nil {
		s.ui.Note("%s", noComparison)
	}
	for _, m := range s.settings {
		if _, err := os.Stat(filepath.Join(m.config.Out, result.RunFile)); m.config.Resume && errors.Is(err, fs.ErrNotExist) {
			m.config.Resume, m.config.Overwrite = false, true // the sweep was stopped before this setting
		}
		if err := s.openFolder(m); err != nil {
			return err
		}
	}
	if !s.config.Resume {
		if err := s.clear(); err != nil {
			return err
		}
	}
	if err := s.noteOthers(); err != nil {
		return err
	}
	for i, m := range s.settings {
		s.ui.Note("setting %d of %d: %s", i+1, len(s.settings), m.name)
		err := s.trainOne(ctx, m)
		if err := s.diverged(m, err); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// clear clears the folders of the sweep and of all settings. Otherwise, after an interruption, --resume would take the run of an earlier sweep for one
// of this.
func (s *sweep) clear() error {
	files := s.config.files()
	err := s.folder.Clear(files...)
	for _, m := range s.settings {
		err = cmp.Or(err, m.folder.Clear(files...))
	}
	return err
}

// trainOne is one setting of trainApart.
func (s *sweep) trainOne(ctx context.Context, m *member) error {
	ui := s.ui
	ui.Out = io.Discard // a table of all settings follows
	if err := m.settleMemory(m.folder, ui.Note); err != nil {
		return err
	}
	if err := m.checkFits(); err != nil {
		return err
	}
	r, finished, err := m.begin(ctx, m.folder, ui)
	if err != nil {
		return err
	}
	m.run = r
	if finished != nil {
		ui.Note("the run in %s is finished: nothing is left to do", m.config.Out)
		m.record = *finished
	} else {
		defer r.close()
		if err := r.run(ctx); err != nil {
			return err
		}
	}
	m.latest, err = lastLook(m.folder)
	return err
}

// lastLook reads the last look at the validation images from a run's metrics.csv. It returns nil if there was none.
func lastLook(folder *result.Folder) (*train.Look, error) {
	curves, err := page.ReadCurves(folder.Path(""))
	if err != nil {
		return nil, err
	}
	last := func(list []page.Curve) float64 { return list[0].Values[len(list[0].Values)-1] }
	switch {
	case len(curves.MAP) > 0:
		share := last(curves.MAP) / 100
		return &train.Look{MAP: &share}, nil
	case len(curves.Accuracy) > 0:
		return &train.Look{Top1: last(curves.Accuracy)}, nil
	}
	return nil, nil
}
