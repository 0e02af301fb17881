package runner

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"

	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	savedmodels "dtl-tf/saved_models"
)

// BackboneConfig names a backbone and what its file does not say.
type BackboneConfig struct {
	Path      string      `json:"backbone"` // "": the built-in default
	Heads     int         `json:"heads"`
	ImageSize int         `json:"image_size"`
	Mean      *[3]float64 `json:"mean"`
	Std       *[3]float64 `json:"std"`

	Adapter *AdapterSays `json:"-"` // nil: no adapter goes with it
}

// AdapterSays is what an adapter says about its backbone.
type AdapterSays struct {
	Beside  func(name string) bool // tells the tensors of the adapter, which may be in the backbone's file
	Eps     float64                // layer_norm_eps that it was trained with, 0: it does not tell
	Sources backbone.Sources       // of what the adapter says, and not the user
}

// BuiltIn is how the default backbone is called where a path would stand.
const BuiltIn = "built-in default"

func (c BackboneConfig) options() backbone.Options {
	o := backbone.Options{Heads: c.Heads, Image: c.ImageSize, Mean: c.Mean, Std: c.Std}
	if says := c.Adapter; says != nil {
		o.Eps, o.Beside = says.Eps, says.Beside
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

// Load reads the backbone that the user named, or the built-in one.
func (c BackboneConfig) Load(ctx context.Context) (*backbone.Backbone, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	bb, err := c.read(ctx)
	if err == nil {
		if says := c.Adapter; says != nil {
			s := &bb.Sources
			s.Mean, s.Std = cmp.Or(says.Sources.Mean, s.Mean), cmp.Or(says.Sources.Std, s.Std)
			if s.Heads == backbone.FromFlag {
				s.Heads = cmp.Or(says.Sources.Heads, s.Heads)
			}
		}
		return bb, nil
	}
	if ctx.Err() != nil {
		return nil, err
	}
	// If the backbone can be read without a flag, it is the flag that does not fit.
	for _, without := range []BackboneConfig{{Path: c.Path, Heads: c.Heads, Adapter: c.Adapter}, {Path: c.Path, Adapter: c.Adapter}} {
		if without == c {
			continue
		}
		if _, plain := without.read(ctx); plain == nil {
			return nil, &UsageError{err}
		}
	}
	return nil, err
}

func (c BackboneConfig) read(ctx context.Context) (bb *backbone.Backbone, err error) {
	if c.Path != "" {
		bb, err = backbone.Load(ctx, c.Path, c.options())
		return bb, WithFlag(err)
	}
	files, err := savedmodels.Default()
	if err != nil {
		return nil, fmt.Errorf("the built-in backbone: %w (give a --backbone)", err)
	}
	bb, err = backbone.LoadFS(ctx, files, BuiltIn, c.options())
	return bb, WithFlag(err)
}

// NoteSources says what is guessed about a backbone, and what was read from files beside it.
func NoteSources(bb *backbone.Backbone, ownHead bool, note NoteFunc) {
	if text := bb.Note(ownHead); text != "" {
		note("%s", text)
	}
}

// Random makes a backbone of random weights from the architecture that Path names.
func (c BackboneConfig) Random(seed uint64) (*backbone.Backbone, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	arch, err := backbone.Parse(c.Path)
	if err != nil {
		return nil, Usagef("--backbone: %w", WithFlag(err))
	}
	bb, err := backbone.Random(arch.With(backbone.Sizes{Image: c.ImageSize, Heads: c.Heads}), seed)
	if err != nil {
		return nil, &UsageError{WithFlag(err)}
	}
	if c.Mean != nil {
		bb.Mean, bb.Sources.Mean = *c.Mean, backbone.FromFlag
	}
	if c.Std != nil {
		bb.Std, bb.Sources.Std = *c.Std, backbone.FromFlag
	}
	return bb, nil
}

// Architectures says what --backbone may be with --init random, for help texts.
func Architectures() string {
	return strings.Join(backbone.Names(), ", ") + ", or a description such as vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384"
}
