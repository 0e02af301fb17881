package export

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/pair"
)

// MergeConfig is the configuration of Merge.
type MergeConfig struct {
	runner.AdaptedConfig
	Out       string // an .npz file
	Overwrite bool
}

// Merge adds an adapter to the weights of its backbone and writes the result as a plain backbone with the adapter's classifier as
// its own head. It returns the path of the JSON beside it.
func Merge(ctx context.Context, c MergeConfig, ui runner.UI) (sidecar string, err error) {
	if c.Adapter == "" || c.Out == "" {
		return "", runner.Usagef("--adapter and --out are required")
	}
	if filepath.Ext(c.Out) != ".npz" {
		return "", runner.Usagef("--out %s: a merged backbone is an .npz file, give it that ending", c.Out)
	}
	sidecar = backbone.Sidecar(c.Out)
	if err := pair.Restore(c.Out); err != nil {
		return "", fmt.Errorf("restoring the files of an earlier merge: %w", err)
	}
	for _, path := range []string{c.Out, sidecar} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) && !c.Overwrite {
			return "", fmt.Errorf("%s exists already: add --overwrite or choose another --out", path)
		}
	}
	a, err := adapter.Open(ctx, c.AdaptedConfig, ui.Note)
	if err != nil {
		return "", err
	}
	if a.TestResize > 0 {
		ui.Note("the adapter scales images to %d x %d and cuts out the centre, which a backbone file can't say: its own head gets images scaled to %d x %d",
			a.TestResize, a.TestResize, a.Backbone.ImageSize(), a.Backbone.ImageSize())
	}
	if a.Upright {
		ui.Note("the adapter turns images upright as EXIF says (--exif), which a backbone file can't say: give its own head images that are upright")
	}
	tensors := a.Adapter.Tensors
	arch, weights, err := dtl.Merge(a.Config.Method, a.Backbone.Architecture, a.Backbone.Weights, tensors)
	if err != nil {
		return "", &runner.UsageError{Err: err}
	}
	merged := &backbone.Backbone{Description: a.Backbone.Description, Weights: weights}
	merged.Architecture = arch
	merged.SetHead(tensors[dtl.HeadWeight], tensors[dtl.HeadBias])
	merged.Pool = a.Config.Pool
	if a.Several {
		merged.Answers = backbone.Answers{Several: true, Classes: a.ClassNames}
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("interrupted, nothing was written: %w", err)
	}
	return sidecar, pair.Save(merged, c.Out)
}
