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
	"dtl-tf/runner/adapter"
	"dtl-tf/runner/internal/pair"
	"dtl-tf/runner/result"
)

// MergeConfig says what to merge.
type MergeConfig struct {
	Backbone  runner.BackboneConfig
	Method    runner.MethodConfig
	Adapter   string
	Out       string // an .npz file
	Overwrite bool
}

// Merge moves an adapter into the weights of its backbone and writes the result as a plain backbone, the
// adapter's classifier as its own head. It returns the path of the JSON beside it.
func Merge(ctx context.Context, c MergeConfig, ui runner.UI) (sidecar string, err error) {
	if c.Adapter == "" || c.Out == "" {
		return "", runner.Usagef("--adapter and --out are required")
	}
	if filepath.Ext(c.Out) != ".npz" {
		return "", runner.Usagef("--out %s: a merged backbone is an .npz file, give it that ending", c.Out)
	}
	sidecar = backbone.Sidecar(c.Out)
	if err := pair.Restore(c.Out); err != nil {
		return "", fmt.Errorf("what an earlier merge left: %w", err)
	}
	for _, path := range []string{c.Out, sidecar} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) && !c.Overwrite {
			return "", runner.Usagef("%s exists already: add --overwrite or choose another --out", path)
		}
	}
	a, err := result.ReadAdapter(c.Adapter)
	if err != nil {
		return "", err
	}
	if err := adapter.TakeOver(a, &c.Backbone); err != nil {
		return "", err
	}
	bb, err := c.Backbone.Load(ctx)
	if err != nil {
		return "", err
	}
	m, err := adapter.Join(a, c.Method)
	if err != nil {
		return "", err
	}
	s, err := m.Resolve(bb.Architecture)
	if err != nil {
		return "", err
	}
	if err := c.fits(a, bb, s); err != nil {
		return "", err
	}
	adapter.Note(a, bb, ui.Note)
	weights, err := dtl.Merge(s.Method, bb.Architecture, bb.Weights, a.Tensors)
	if err != nil {
		return "", &runner.UsageError{Err: err}
	}
	merged := &backbone.Backbone{Description: bb.Description, Weights: weights}
	merged.SetHead(a.Tensors[dtl.HeadWeight], a.Tensors[dtl.HeadBias])
	merged.Pool = s.Pool
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("interrupted, nothing was written: %w", err)
	}
	return sidecar, pair.Save(merged, c.Out)
}

// fits builds the model to hold the adapter's tensors against what it wants.
func (c MergeConfig) fits(a *result.Adapter, bb *backbone.Backbone, s runner.Settings) error {
	classes, err := adapter.Classes(a)
	if err != nil {
		return err
	}
	model, err := dtl.New(dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: classes,
	})
	if err != nil {
		return err
	}
	return adapter.Fits(a, bb, model.AdapterShapes())
}
