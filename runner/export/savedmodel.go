package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/stage"
)

// Backbone writes a backbone as a SavedModel into the folder out. If pool is empty, the pooling of the backbone's own head is used.
func Backbone(ctx context.Context, c runner.BackboneConfig, out, pool string, overwrite bool, ui runner.UI) error {
	bb, err := c.Load(ctx)
	if err != nil {
		return err
	}
	runner.NoteSources(bb, true, ui.Note)
	p := bb.Pool
	if pool != "" {
		if p, err = backbone.ParsePool(pool); err != nil {
			return runner.Usagef("--pool: %w", err)
		}
	}
	return writeSavedModel(ctx, out, overwrite, func(dir string) error { return bb.Export(dir, p) })
}

// writeSavedModel calls write on a temporary folder, which then replaces the folder dir unless ctx has ended. It replaces only a
// SavedModel.
func writeSavedModel(ctx context.Context, dir string, overwrite bool, write func(dir string) error) error {
	check := func() error { return replaceable(dir, overwrite) }
	if err := check(); err != nil { // before anything is written
		return err
	}
	s, err := stage.Open(dir, check)
	if err != nil {
		return err
	}
	defer s.Discard()
	if err := write(s.Folder); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted, %s is unchanged: %w", dir, err)
	}
	return s.Publish()
}

// replaceable checks that a new SavedModel may replace a folder.
func replaceable(dir string, overwrite bool) error {
	_, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !overwrite:
		return fmt.Errorf("%s exists already: add --overwrite or choose another --out", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, savedmodel.ModelFile)); err != nil {
		return fmt.Errorf("%s is not a SavedModel, so it is not replaced: choose another --out", dir)
	}
	return nil
}
