package export

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/stage"
)

// BackboneConfig is the configuration of Backbone.
type BackboneConfig struct {
	runner.BackboneConfig
	Out       string // a folder
	Overwrite bool
	Pool      string // "": that of the backbone's own head
	Stored    string // precision of the weights in the file, "fp32" or "fp16"
}

// Backbone writes a backbone as a SavedModel.
func Backbone(ctx context.Context, c BackboneConfig, ui runner.UI) error {
	stored := graph.Precision(c.Stored)
	if stored != graph.FP32 && stored != graph.FP16 {
		return runner.Usagef("--stored %q is not possible: use %s or %s", c.Stored, graph.FP32, graph.FP16)
	}
	bb, err := c.Streamed().Load(ctx)
	if err != nil {
		return err
	}
	runner.NoteSources(bb, true, ui.Note)
	p := bb.Pool
	if c.Pool != "" {
		if p, err = backbone.ParsePool(c.Pool); err != nil {
			return runner.Usagef("--pool: %w", err)
		}
	}
	return writeSavedModel(ctx, c.Out, c.Overwrite, func(dir string) error { return bb.Export(dir, p, stored) })
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
