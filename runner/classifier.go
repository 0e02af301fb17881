package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/result"
)

// classifier turns images [B, S, S, 3] (bytes) into logits [B, classes].
type classifier interface {
	Logits(images tensor.Tensor) (tensor.Tensor, error)
	Close() error
}

// loaded is a classifier with what it needs to be used.
type loaded struct {
	classifier
	image      int // side of the images in pixels
	classes    int
	classNames []string // nil where nobody named them
}

// loadClassifier reads backbone and adapter; without an adapter it is the backbone's own head.
func loadClassifier(ctx context.Context, b BackboneConfig, adapterPath string, m MethodConfig, threads int, note noteFunc) (*loaded, error) {
	if adapterPath == "" {
		return ownHead(ctx, b, m, threads, note)
	}
	a, err := openAdapted(ctx, b, adapterPath, m, note)
	if err != nil {
		return nil, err
	}
	options := graph.SessionOptions{Threads: threads}
	if a.config.Device, err = graph.FindDevice(options); err != nil {
		return nil, err
	}
	model, err := dtl.New(a.config)
	if err != nil {
		return nil, err
	}
	session, err := model.Start(options, a.backbone.Weights, 0, a.adapter.Tensors)
	if err != nil {
		return nil, err
	}
	return &loaded{classifier: session, image: a.backbone.ImageSize(), classes: a.config.Classes, classNames: a.classNames}, nil
}

// adapted is a backbone with an adapter that fits it, and the configuration of the model that they make.
type adapted struct {
	backbone   *backbone.Backbone
	adapter    *result.Adapter
	config     dtl.Config
	options    dtl.Options
	classNames []string // nil where nobody named them
}

// openAdapted reads backbone and adapter and holds them against each other.
func openAdapted(ctx context.Context, b BackboneConfig, adapterPath string, m MethodConfig, note noteFunc) (*adapted, error) {
	adapter, err := readAdapter(adapterPath, note)
	if err != nil {
		return nil, err
	}
	if err := b.takeOver(adapter); err != nil {
		return nil, err
	}
	bb, err := b.load(ctx)
	if err != nil {
		return nil, err
	}
	s, err := settingsOf(adapter, m, bb.Architecture)
	if err != nil {
		return nil, err
	}
	noteForeign(ctx, adapter, m, s, bb, note)
	a := &adapted{backbone: bb, adapter: adapter, options: s.Options}
	classes, err := adapterClasses(adapter)
	if err != nil {
		return nil, err
	}
	if a.classNames, err = adapterClassNames(adapter, classes); err != nil {
		return nil, err
	}
	precision := graph.FP32
	if name, ok := adapter.String(keyPrecision); ok {
		if precision, err = graph.ParsePrecision(name); err != nil {
			return nil, fmt.Errorf("adapter %s: metadata %s: %w", adapter.Path, keyPrecision, err)
		}
	}
	a.config = dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: classes, Precision: precision,
	}
	model, err := dtl.New(a.config)
	if err != nil {
		return nil, err
	}
	if err := fits(adapter, bb, model.AdapterShapes()); err != nil {
		return nil, err
	}
	noteAdapted(adapter, bb, note)
	return a, nil
}

// takeOver lets the adapter fill in the input size and normalisation that the user left open.
func (c *BackboneConfig) takeOver(a *result.Adapter) error {
	c.adapted = true
	size, ok, err := a.Int(result.KeyImageSize)
	if err != nil {
		return err
	}
	if ok {
		if c.ImageSize != 0 && c.ImageSize != size {
			return Usagef("--image-size %d contradicts the adapter %s, which has %d", c.ImageSize, a.Path, size)
		}
		c.ImageSize = size
	}
	if err := c.takeOverShape(a); err != nil {
		return err
	}
	for _, n := range []struct {
		flag, key string
		value     **[3]float64
		source    *backbone.Source
	}{{"mean", result.KeyMean, &c.Mean, &c.fixed.Mean}, {"std", result.KeyStd, &c.Std, &c.fixed.Std}} {
		list, ok, err := a.Floats(n.key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if len(list) != 3 {
			return fmt.Errorf("adapter %s: metadata %s has %d numbers, wanted are 3", a.Path, n.key, len(list))
		}
		file := [3]float64(list)
		if *n.value != nil && **n.value != file {
			return Usagef("--%s %v contradicts the adapter %s, which has %v", n.flag, **n.value, a.Path, file)
		}
		if *n.value == nil {
			*n.source = backbone.FromAdapter
		}
		*n.value = &file
	}
	return nil
}

// takeOverShape takes heads and layer_norm_eps. Adapters that do not tell the latter were trained with the usual one.
func (c *BackboneConfig) takeOverShape(a *result.Adapter) error {
	heads, ok, err := a.Int(keyHeads)
	if err != nil {
		return err
	}
	switch {
	case ok && c.Heads == 0:
		c.Heads, c.fixed.Heads = heads, backbone.FromAdapter
	case ok && c.Heads != heads:
		return Usagef("--heads %d contradicts the adapter %s, which has %d", c.Heads, a.Path, heads)
	}
	if c.eps, ok, err = a.Float(keyEps); err == nil && !ok && !foreign(a) {
		c.eps = backbone.LayerNormEps
	}
	return err
}

// plain is a backbone with its own head.
type plain struct {
	session        *graph.Session
	images, logits graph.Value
}

func ownHead(ctx context.Context, b BackboneConfig, m MethodConfig, threads int, note noteFunc) (_ *loaded, err error) {
	defer graph.Catch(&err)
	if m.Method != "" {
		return nil, Usagef("--method without --adapter: the backbone's own head needs no method")
	}
	for _, option := range slices.Sorted(maps.Keys(m.Options)) {
		return nil, Usagef("--%s without --adapter: the backbone's own head has no method", option)
	}
	bb, err := b.load(ctx)
	if err != nil {
		return nil, err
	}
	if bb.Classes() == 0 {
		return nil, fmt.Errorf("backbone %s has no head of its own: give an --adapter", bb.Path)
	}
	pool := bb.Pool
	if m.Pool != "" {
		if pool, err = backbone.ParsePool(m.Pool); err != nil {
			return nil, Usagef("--pool: %w", err)
		}
		bb.Pool, bb.Sources.Pool = pool, backbone.FromFlag
	}
	noteSources(bb, true, note)
	builder := graph.New(graph.RecomputeNone)
	variables := graph.NewVariables()
	forward := &backbone.Forward{Arch: bb.Architecture, Weight: func(name string, shape ...int) graph.Value {
		return variables.Declare(builder, name, false, shape...).Value
	}}
	images := builder.Placeholder("images", tf.Uint8, graph.Unknown, bb.ImageSize(), bb.ImageSize(), 3)
	logits := bb.OwnHead(forward, builder.In("own_head"), forward.Features(builder, builder.Normalise(images, bb.Mean, bb.Std), pool))
	session, err := graph.NewSession(builder.Graph(), graph.SessionOptions{Threads: threads})
	if err != nil {
		return nil, err
	}
	if err := variables.Assign(session, bb.Weights); err != nil {
		session.Close()
		return nil, fmt.Errorf("backbone %s: %w", bb.Path, err)
	}
	return &loaded{classifier: &plain{session, images, logits}, image: bb.ImageSize(), classes: bb.Classes()}, nil
}

// Logits implements classifier.
func (p *plain) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	out, err := p.session.Run([]graph.Feed{{Output: p.images.Output, Value: images}}, []tf.Output{p.logits.Output})
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("classify: %w", err)
	}
	return out[0], nil
}

// Close implements classifier.
func (p *plain) Close() error { return p.session.Close() }
