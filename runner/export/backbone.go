package export

import (
	"context"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
)

// Backbone writes a backbone as a SavedModel into the folder out; pool "" means what its own head sees.
func Backbone(ctx context.Context, c runner.BackboneConfig, out, pool string, overwrite bool, ui runner.UI) error {
	bb, err := c.Load(ctx)
	if err != nil {
		return err
	}
	runner.NoteSources(bb, true, ui.Note)
	sees := bb.Pool
	if pool != "" {
		if sees, err = backbone.ParsePool(pool); err != nil {
			return runner.Usagef("--pool: %w", err)
		}
	}
	return writeSavedModel(ctx, out, overwrite, func(dir string) error { return bb.Export(dir, sees) })
}
