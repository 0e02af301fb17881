package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner/result"
)

// MergeConfig says what to merge.
type MergeConfig struct {
	Backbone  BackboneConfig
	Method    MethodConfig
	Adapter   string
	Out       string // an .npz file
	Overwrite bool
}

// Merge moves an adapter into the weights of its backbone and writes the result as a plain backbone, the
// adapter's classifier as its own head. It returns the path of the JSON beside it.
func Merge(ctx context.Context, c MergeConfig, ui UI) (sidecar string, err error) {
	if c.Adapter == "" || c.Out == "" {
		return "", Usagef("--adapter and --out are required")
	}
	if filepath.Ext(c.Out) != ".npz" {
		return "", Usagef("--out %s: a merged backbone is an .npz file, give it that ending", c.Out)
	}
	sidecar = backbone.Sidecar(c.Out)
	if err := pairOf(c.Out).restore(); err != nil {
		return "", fmt.Errorf("what an earlier merge left: %w", err)
	}
	for _, path := range []string{c.Out, sidecar} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) && !c.Overwrite {
			return "", Usagef("%s exists already: add --overwrite or choose another --out", path)
		}
	}
	adapter, err := result.ReadAdapter(c.Adapter)
	if err != nil {
		return "", err
	}
	if err := c.Backbone.takeOver(adapter); err != nil {
		return "", err
	}
	bb, err := c.Backbone.load(ctx)
	if err != nil {
		return "", err
	}
	m, err := adapterConfig(adapter, c.Method)
	if err != nil {
		return "", err
	}
	s, err := m.resolve(bb.Architecture)
	if err != nil {
		return "", err
	}
	if err := c.fits(adapter, bb, s); err != nil {
		return "", err
	}
	noteAdapted(adapter, bb, ui.Note)
	weights, err := dtl.Merge(s.Method.Name(), s.Options, bb.Architecture, bb.Weights, adapter.Tensors)
	if err != nil {
		return "", &UsageError{err}
	}
	merged := &backbone.Backbone{Description: bb.Description, Weights: weights}
	merged.SetHead(adapter.Tensors[dtl.HeadWeight], adapter.Tensors[dtl.HeadBias])
	merged.Pool = s.Pool
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("interrupted, nothing was written: %w", err)
	}
	return sidecar, saveBackbone(merged, c.Out)
}

// fits builds the model to hold the adapter's tensors against what it wants.
func (c MergeConfig) fits(adapter *result.Adapter, bb *backbone.Backbone, s settings) error {
	classes, err := adapterClasses(adapter)
	if err != nil {
		return err
	}
	model, err := dtl.New(dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: classes,
	})
	if err != nil {
		return err
	}
	return fits(adapter, bb, model.AdapterShapes())
}
