// Package infer answers with a trained classifier, which is a backbone with an adapter or its own head, or an exported model: predictions
// and accuracy.
package infer

import (
	"context"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/adapter"
	"dtl-tf/runner/classify"
)

// loaded is a classifier with what it needs to be used.
type loaded struct {
	classify.Classifier
	image      int // side of the images in pixels
	classes    int
	classNames []string // nil where nobody named them
}

// loadClassifier reads backbone and adapter; without an adapter it is the backbone's own head.
func loadClassifier(ctx context.Context, b runner.BackboneConfig, adapterPath string, m runner.MethodConfig, threads int, note runner.NoteFunc) (*loaded, error) {
	if adapterPath == "" {
		return ownHead(ctx, b, m, threads, note)
	}
	a, err := adapter.Open(ctx, b, adapterPath, m, note)
	if err != nil {
		return nil, err
	}
	options := graph.SessionOptions{Threads: threads}
	if a.Config.Device, err = graph.FindDevice(options); err != nil {
		return nil, err
	}
	model, err := dtl.New(a.Config)
	if err != nil {
		return nil, err
	}
	session, err := dtl.NewPredictor(model, dtl.Start{Session: options, Weights: a.Backbone.Weights, Adapter: a.Adapter.Tensors})
	if err != nil {
		return nil, err
	}
	return &loaded{Classifier: session, image: a.Backbone.ImageSize(), classes: a.Config.Classes, classNames: a.ClassNames}, nil
}
