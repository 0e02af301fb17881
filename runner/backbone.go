package runner

import (
	"errors"
	"fmt"
	"os"

	"dtl-tf/graph/backbone"
	savedmodels "dtl-tf/saved_models"
)

// BuiltIn is how the default backbone is called where a path would stand.
const BuiltIn = "built-in default"

func (c BackboneConfig) options() backbone.Options {
	return backbone.Options{Heads: c.Heads, Image: c.ImageSize, Mean: c.Mean, Std: c.Std}
}

func (c BackboneConfig) check() error {
	if c.Heads < 0 {
		return usagef("--heads %d is not possible", c.Heads)
	}
	if c.ImageSize < 0 {
		return usagef("--image-size %d is not possible", c.ImageSize)
	}
	return nil
}

// load reads the backbone that the user named, or the built-in one.
func (c BackboneConfig) load() (*backbone.Backbone, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Path != "" {
		return backbone.Load(c.Path, c.options())
	}
	files, err := savedmodels.Default()
	if err != nil {
		return nil, fmt.Errorf("the built-in backbone: %w (give a --backbone)", err)
	}
	return backbone.LoadFS(files, BuiltIn, c.options())
}

// random makes a backbone of random weights from the architecture that Path names.
func (c BackboneConfig) random(seed uint64) (*backbone.Backbone, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	arch, err := backbone.Parse(c.Path)
	if err != nil {
		return nil, usagef("--backbone: %w", err)
	}
	if c.ImageSize != 0 {
		arch.Image = c.ImageSize
	}
	if c.Heads != 0 {
		arch.Heads = c.Heads
	}
	bb, err := backbone.Random(arch, seed)
	if err != nil {
		return nil, &UsageError{err}
	}
	if c.Mean != nil {
		bb.Mean = *c.Mean
	}
	if c.Std != nil {
		bb.Std = *c.Std
	}
	return bb, nil
}

// Export writes a backbone as a SavedModel into the folder out; pool "" means what its own head sees.
func Export(c BackboneConfig, out, pool string, overwrite bool) error {
	bb, err := c.load()
	if err != nil {
		return err
	}
	sees := bb.Pool
	if pool != "" {
		if sees, err = backbone.ParsePool(pool); err != nil {
			return usagef("--pool: %w", err)
		}
	}
	if overwrite {
		if err := removeSavedModel(out); err != nil {
			return err
		}
	}
	return bb.Export(out, sees)
}

// removeSavedModel deletes the SavedModel in a folder, and refuses to delete anything else.
func removeSavedModel(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(dir + "/saved_model.pb"); err != nil {
		return fmt.Errorf("%s is no SavedModel and is not removed: choose another --out", dir)
	}
	return os.RemoveAll(dir)
}
