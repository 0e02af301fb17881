package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/runner/internal/stage"
	savedmodels "dtl-tf/saved_models"
)

// BuiltIn is how the default backbone is called where a path would stand.
const BuiltIn = "built-in default"

func (c BackboneConfig) options() backbone.Options {
	o := backbone.Options{Heads: c.Heads, Image: c.ImageSize, Mean: c.Mean, Std: c.Std, Eps: c.eps}
	if c.adapted {
		o.Beside = ofOfficial
	}
	return o
}

func (c BackboneConfig) check() error {
	if c.Heads < 0 {
		return Usagef("--heads %d is not possible", c.Heads)
	}
	if c.ImageSize < 0 {
		return Usagef("--image-size %d is not possible", c.ImageSize)
	}
	for channel := range 3 {
		if c.Mean != nil && !finite(c.Mean[channel]) {
			return Usagef("--mean %v is not possible: the numbers must be finite", *c.Mean)
		}
		if c.Std != nil && !(c.Std[channel] > 0 && finite(c.Std[channel])) {
			return Usagef("--std %v is not possible: the numbers must be above 0 and finite", *c.Std)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// load reads the backbone that the user named, or the built-in one.
func (c BackboneConfig) load(ctx context.Context) (*backbone.Backbone, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	bb, err := c.read(ctx)
	if err == nil {
		s, fixed := &bb.Sources, c.fixed
		s.Mean, s.Std = cmp.Or(fixed.Mean, s.Mean), cmp.Or(fixed.Std, s.Std)
		if s.Heads == backbone.FromFlag {
			s.Heads = cmp.Or(fixed.Heads, s.Heads)
		}
		return bb, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	// If the backbone can be read without a flag, it is the flag that does not fit.
	for _, without := range []BackboneConfig{{Path: c.Path, Heads: c.Heads, adapted: c.adapted, eps: c.eps}, {Path: c.Path, adapted: c.adapted, eps: c.eps}} {
		without.fixed = c.fixed
		if without == c {
			continue
		}
		if _, plain := without.read(ctx); plain == nil {
			return nil, &UsageError{err}
		}
	}
	return nil, err
}

func (c BackboneConfig) read(ctx context.Context) (*backbone.Backbone, error) {
	if c.Path != "" {
		return backbone.Load(ctx, c.Path, c.options())
	}
	files, err := savedmodels.Default()
	if err != nil {
		return nil, fmt.Errorf("the built-in backbone: %w (give a --backbone)", err)
	}
	return backbone.LoadFS(ctx, files, BuiltIn, c.options())
}

// noteSources says what is guessed about a backbone, and what was read from files beside it.
func noteSources(bb *backbone.Backbone, ownHead bool, note noteFunc) {
	if text := bb.Note(ownHead); text != "" {
		note("%s", text)
	}
}

// random makes a backbone of random weights from the architecture that Path names.
func (c BackboneConfig) random(seed uint64) (*backbone.Backbone, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	arch, err := backbone.Parse(c.Path)
	if err != nil {
		return nil, Usagef("--backbone: %w", err)
	}
	bb, err := backbone.Random(arch.With(backbone.Sizes{Image: c.ImageSize, Heads: c.Heads}), seed)
	if err != nil {
		return nil, &UsageError{err}
	}
	if c.Mean != nil {
		bb.Mean, bb.Sources.Mean = *c.Mean, backbone.FromFlag
	}
	if c.Std != nil {
		bb.Std, bb.Sources.Std = *c.Std, backbone.FromFlag
	}
	return bb, nil
}

// Export writes a backbone as a SavedModel into the folder out; pool "" means what its own head sees.
func Export(ctx context.Context, c BackboneConfig, out, pool string, overwrite bool, ui UI) error {
	bb, err := c.load(ctx)
	if err != nil {
		return err
	}
	noteSources(bb, true, ui.Note)
	sees := bb.Pool
	if pool != "" {
		if sees, err = backbone.ParsePool(pool); err != nil {
			return Usagef("--pool: %w", err)
		}
	}
	return writeSavedModel(ctx, out, overwrite, func(dir string) error { return bb.Export(dir, sees) })
}

// writeSavedModel makes the folder dir by calling write on another, which takes its place when it is complete and ctx has not ended.
// What is no SavedModel is not replaced.
func writeSavedModel(ctx context.Context, dir string, overwrite bool, write func(dir string) error) error {
	check := func() error { return replaceable(dir, overwrite) }
	if err := check(); err != nil { // before anything is made
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
		return fmt.Errorf("interrupted, %s is as it was: %w", dir, err)
	}
	return s.Publish()
}

// replaceable tells whether a new SavedModel may take the name of a folder.
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
		return fmt.Errorf("%s is no SavedModel and is not removed: choose another --out", dir)
	}
	return nil
}
