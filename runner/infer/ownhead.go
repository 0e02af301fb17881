package infer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
)

// plain is a backbone with its own head.
type plain struct {
	session        *graph.Session
	images, logits graph.Value
}

func ownHead(ctx context.Context, b runner.BackboneConfig, m runner.MethodConfig, threads int, note runner.NoteFunc) (_ *loaded, err error) {
	defer graph.Catch(&err)
	if m.Method != "" {
		return nil, runner.Usagef("--method without --adapter: the backbone's own head needs no method")
	}
	for _, option := range slices.Sorted(maps.Keys(m.Options)) {
		return nil, runner.Usagef("--%s without --adapter: the backbone's own head has no method", option)
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
	return &loaded{Classifier: &plain{session, images, logits}, image: bb.ImageSize(), classes: bb.Classes()}, nil
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
