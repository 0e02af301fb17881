// Package infer predicts classes and measures accuracy with a trained classifier: a backbone with an adapter or its own head, or an
// exported model.
package infer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/export"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/result"
)

// loaded is a classifier with its input size and classes.
type loaded struct {
	classify.Classifier
	images     data.Images // how they are made of files
	classes    int
	classNames []string // nil if unknown
	backbone   string   // file; "" with a SavedModel
	several    bool     // an image has any number of classes
	method     string   // "": the backbone's own head
}

// loadClassifier loads a backbone with an adapter, or with its own head if there is no adapter.
func loadClassifier(ctx context.Context, c runner.AdaptedConfig, threads int, note runner.NoteFunc) (*loaded, error) {
	c.Backbone = c.Backbone.Streamed()
	if c.Adapter == "" {
		return loadOwnHead(ctx, c.Backbone, c.Method, threads, note)
	}
	a, err := adapter.Open(ctx, c, note)
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
	return &loaded{
		Classifier: session, images: a.Images(), classes: a.Config.Classes, classNames: a.ClassNames,
		backbone: a.Backbone.Path, method: a.Config.Method.Name(), several: a.Several,
	}, nil
}

// ownHead is a backbone with its own head.
type ownHead struct {
	session        *graph.Session
	images, logits graph.Value
}

func loadOwnHead(ctx context.Context, b runner.BackboneConfig, m runner.MethodConfig, threads int, note runner.NoteFunc) (_ *loaded, err error) {
	defer graph.Catch(&err)
	if m.Method != "" {
		return nil, runner.Usagef("--method without --adapter: the backbone's own head needs no method")
	}
	if options := slices.Sorted(maps.Keys(m.Options)); len(options) > 0 {
		return nil, runner.Usagef("--%s without --adapter: the backbone's own head has no method", options[0])
	}
	bb, err := b.Load(ctx)
	if err != nil {
		return nil, err
	}
	if bb.Classes() == 0 {
		return nil, fmt.Errorf("backbone %s has no head of its own: give an --adapter", bb.Path)
	}
	pool := bb.Pool
	if m.Pool != "" {
		if pool, err = backbone.ParsePool(m.Pool); err != nil {
			return nil, runner.Usagef("--pool: %w", err)
		}
		bb.Pool, bb.Sources.Pool = pool, backbone.FromFlag
	}
	runner.NoteSources(bb, true, note)
	if bb.Answers.Classes == nil {
		note("no --adapter: the answers are those of the backbone's own head, numbers of its %d classes", bb.Classes())
	}
	builder := graph.New(graph.RecomputeNone)
	variables := graph.NewVariables()
	forward := &backbone.Forward{Arch: bb.Architecture, Weight: func(name string, shape ...int) graph.Value {
		return variables.Declare(builder, name, false, shape...).Value
	}, ShortEnd: true}
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
	return &loaded{Classifier: &ownHead{session, images, logits}, images: data.Images{Size: bb.ImageSize()}, classes: bb.Classes(), backbone: bb.Path,
		several: bb.Answers.Several, classNames: bb.Answers.Classes}, nil
}

func (h *ownHead) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	out, err := h.session.Run([]graph.Feed{{Output: h.images.Output, Value: images}}, []tf.Output{h.logits.Output})
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("classify: %w", err)
	}
	return out[0], nil
}

func (h *ownHead) Close() error { return h.session.Close() }

// servedModel is a classifier in a SavedModel.
type servedModel struct {
	model   *savedmodel.Loaded
	dir     string
	classes int
}

// loadServed opens an exported model.
func loadServed(dir string, threads int) (*loaded, error) {
	d, err := export.Read(dir)
	if err != nil {
		return nil, err
	}
	model, err := savedmodel.Load(dir, graph.SessionOptions{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	// The model cuts out the centre itself.
	images := data.Images{Size: cmp.Or(d.TestResize, d.Image), Upright: d.Exif}
	return &loaded{Classifier: &servedModel{model, dir, d.Classes}, images: images, classes: d.Classes, classNames: d.ClassNames, several: d.Loss == result.LossSeveral}, nil
}

func (s *servedModel) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	logits, err := s.model.Run(savedmodel.Signature, export.ImagesInput, images, export.LogitsOutput)
	if err != nil {
		return logits, fmt.Errorf("SavedModel %s: %w", s.dir, err)
	}
	return logits, checkServed(s.dir, logits, images.Shape[0], s.classes)
}

// checkServed refuses logits of a SavedModel that are not float32 [n, classes].
func checkServed(dir string, logits tensor.Tensor, n, classes int) error {
	if want := []int{n, classes}; !slices.Equal(logits.Shape, want) || logits.Float32() == nil {
		return fmt.Errorf("SavedModel %s gives logits %v, want float32 %v", dir, logits.Shape, want)
	}
	return nil
}

func (s *servedModel) Close() error { return s.model.Close() }
