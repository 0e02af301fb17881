package runner

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	"dtl-tf/runner/machine"
	savedmodels "dtl-tf/saved_models"
)

// BackboneConfig names a backbone, with values that replace or complete those of its file. 0 and nil take the file's.
type BackboneConfig struct {
	Path      string      `json:"backbone"` // file, folder, hf:REPO[@REVISION] or name of an architecture; "": the built-in default
	Heads     int         `json:"heads"`
	ImageSize int         `json:"image_size"` // pixels
	Mean      *[3]float64 `json:"mean"`       // of the channels red, green and blue in [0, 1]
	Std       *[3]float64 `json:"std"`

	Adapter *AdapterSays `json:"-"` // nil: no adapter

	// Held is the number of bytes that each weight takes where it goes to, and leaves the weights where they are until then (see
	// backbone.Options). 0: all are read at once.
	Held int `json:"-"`

	Screen io.Writer `json:"-"` // shows the download of a backbone from a hub, if it is not nil
}

// AdapterSays holds what an adapter's metadata say about its backbone.
type AdapterSays struct {
	Beside     func(name string) bool // recognises the adapter's tensors, which the backbone's file may contain
	Eps        float64                // layer_norm_eps in training, 0 if unknown
	Activation backbone.Activation    // in training, "" if unknown
	Sources    backbone.Sources       // of the values in BackboneConfig that come from the adapter
}

// BuiltIn stands for the path of the default backbone.
const BuiltIn = "built-in default"

// Streamed leaves the weights in the file until a session in float32 takes them piece by piece, so that they are in no other memory.
func (c BackboneConfig) Streamed() BackboneConfig {
	c.Held = graph.FP32.Bytes()
	return c
}

func (c BackboneConfig) options() backbone.Options {
	o := backbone.Options{Heads: c.Heads, Image: c.ImageSize, Mean: c.Mean, Std: c.Std, Memory: machine.AvailableBytes(), Held: c.Held}
	if says := c.Adapter; says != nil {
		o.Eps, o.Activation, o.Beside = says.Eps, says.Activation, says.Beside
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
	notFinite := func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
	if c.Mean != nil && slices.ContainsFunc(c.Mean[:], notFinite) {
		return Usagef("--mean %v is not possible: the numbers must be finite", *c.Mean)
	}
	if c.Std != nil && (slices.ContainsFunc(c.Std[:], notFinite) || slices.Min(c.Std[:]) <= 0) {
		return Usagef("--std %v is not possible: the numbers must be above 0 and finite", *c.Std)
	}
	return nil
}

// Load reads the backbone at Path, or the built-in one. The error is a UsageError if a flag does not fit the backbone.
func (c BackboneConfig) Load(ctx context.Context) (*backbone.Backbone, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c, err := c.Local(ctx)
	if err != nil {
		return nil, err
	}
	bb, err := c.read(ctx)
	if err != nil {
		// If the backbone can be read without a flag, the flag does not fit it.
		for _, fewer := range []BackboneConfig{{Path: c.Path, Heads: c.Heads, Adapter: c.Adapter, Held: c.Held}, {Path: c.Path, Adapter: c.Adapter, Held: c.Held}} {
			if fewer == c || ctx.Err() != nil {
				continue
			}
			if _, readErr := fewer.read(ctx); readErr == nil {
				return nil, &UsageError{err}
			}
		}
		return nil, err
	}
	if says := c.Adapter; says != nil {
		s := &bb.Sources
		s.Mean, s.Std = cmp.Or(says.Sources.Mean, s.Mean), cmp.Or(says.Sources.Std, s.Std)
		if s.Heads == backbone.FromFlag {
			s.Heads = cmp.Or(says.Sources.Heads, s.Heads)
		}
	}
	return bb, nil
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

// Named returns the description of the architecture that Path names. Its errors are UsageErrors.
func (c BackboneConfig) Named() (d backbone.Description, err error) {
	if err := c.check(); err != nil {
		return d, err
	}
	if d.Architecture, err = backbone.Parse(c.Path); err != nil {
		return d, Usagef("--backbone: %w", WithFlag(err))
	}
	d.Architecture = d.With(backbone.Sizes{Image: c.ImageSize, Heads: c.Heads})
	half := [3]float64{0.5, 0.5, 0.5}
	d.Mean, d.Std = *cmp.Or(c.Mean, &half), *cmp.Or(c.Std, &half)
	if err := d.Validate(); err != nil {
		return d, &UsageError{WithFlag(err)}
	}
	return d, nil
}

// Random makes a backbone of random weights from the architecture that Path names.
func (c BackboneConfig) Random(seed uint64) (*backbone.Backbone, error) {
	d, err := c.Named()
	if err != nil {
		return nil, err
	}
	draw := backbone.Random
	if c.Held > 0 {
		draw = backbone.RandomDeferred
	}
	bb, err := draw(d.Architecture, seed)
	if err != nil {
		return nil, &UsageError{WithFlag(err)}
	}
	bb.Mean, bb.Std = d.Mean, d.Std
	if c.Mean != nil {
		bb.Sources.Mean = backbone.FromFlag
	}
	if c.Std != nil {
		bb.Sources.Std = backbone.FromFlag
	}
	return bb, nil
}

// Architectures lists what --backbone accepts with --init random, for help texts.
func Architectures() string {
	return strings.Join(backbone.Names(), ", ") + ", or a description such as vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384 or " +
		"swin:image=32,patch=2,window=4,width=32,depths=2-2-6,heads=1-2-4"
}
