package adapter

import (
	"context"
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// Adapted is a backbone with an adapter that fits it, and the configuration of the model that they make.
type Adapted struct {
	Backbone   *backbone.Backbone
	Adapter    *result.Adapter
	Config     dtl.Config
	Options    dtl.Options
	ClassNames []string // nil where nobody named them
}

// Open reads backbone and adapter and holds them against each other.
func Open(ctx context.Context, b runner.BackboneConfig, adapterPath string, m runner.MethodConfig, note runner.NoteFunc) (*Adapted, error) {
	adapter, err := Read(adapterPath, note)
	if err != nil {
		return nil, err
	}
	if err := TakeOver(adapter, &b); err != nil {
		return nil, err
	}
	bb, err := b.Load(ctx)
	if err != nil {
		return nil, err
	}
	s, err := Settings(adapter, m, bb.Architecture)
	if err != nil {
		return nil, err
	}
	NoteForeign(ctx, adapter, m, s, bb, note)
	a := &Adapted{Backbone: bb, Adapter: adapter, Options: s.Options}
	classes, err := Classes(adapter)
	if err != nil {
		return nil, err
	}
	if a.ClassNames, err = ClassNames(adapter, classes); err != nil {
		return nil, err
	}
	precision := graph.FP32
	if name, ok := adapter.String(keyPrecision); ok {
		if precision, err = graph.ParsePrecision(name); err != nil {
			return nil, fmt.Errorf("adapter %s: metadata %s: %w", adapter.Path, keyPrecision, err)
		}
	}
	a.Config = dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: classes, Precision: precision,
	}
	model, err := dtl.New(a.Config)
	if err != nil {
		return nil, err
	}
	if err := Fits(adapter, bb, model.AdapterShapes()); err != nil {
		return nil, err
	}
	Note(adapter, bb, note)
	return a, nil
}
