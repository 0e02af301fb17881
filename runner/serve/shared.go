package serve

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/adapter"
)

// shared is an Engine that has the backbone's weights once and computes the blocks that adapters share once a batch.
type shared struct {
	tasks     *dtl.Shared
	backbone  *backbone.Backbone // without weights
	method    runner.MethodConfig
	precision graph.Precision
	note      runner.NoteFunc
	opened    atomic.Int64

	opening sync.Mutex
	mu      sync.Mutex // guards what follows, which Open alone changes
	settled bool       // the first adapter has decided the rest
	resize  int        // side to which images are scaled before their centre is cut out, 0: ImageSize
	upright bool
}

// openEngine opens the engine of Serve. What the user left open about the backbone comes from the adapters, if there are any. Otherwise it
// computes in float32, and the first adapter that is opened decides how images are scaled and turned.
func openEngine(ctx context.Context, c runner.AdaptedConfig, list []adapter.Named, threads int, note runner.NoteFunc) (Engine, error) {
	e := &shared{method: c.Method, precision: graph.FP32, note: note}
	c.Backbone = c.Backbone.Streamed()
	if len(list) > 0 {
		quiet := func(string, ...any) {} // the notes on an adapter follow when it is served
		opened, err := adapter.OpenSeveral(ctx, c, list, quiet)
		if err != nil {
			return nil, err
		}
		e.backbone, e.precision, e.resize, e.upright, e.settled = opened[0].Backbone, opened[0].Config.Precision, opened[0].TestResize, opened[0].Upright, true
	} else {
		bb, err := c.Backbone.Load(ctx)
		if err != nil {
			return nil, err
		}
		e.backbone = bb
	}
	runner.NoteSources(e.backbone, false, note)
	options := graph.SessionOptions{Threads: threads}
	device, err := graph.FindDevice(options)
	if err != nil {
		return nil, err
	}
	e.tasks, err = dtl.NewShared(dtl.Config{
		Arch: e.backbone.Architecture, Mean: e.backbone.Mean, Std: e.backbone.Std, Precision: e.precision, Device: device,
	}, dtl.Start{Session: options, Weights: e.backbone.Weights})
	if err != nil {
		return nil, err
	}
	e.backbone.Fingerprint() // it needs the weights, which TensorFlow has from here on
	e.backbone.Weights = nil
	return e, nil
}

// ImageSize implements Engine.
func (e *shared) ImageSize() int { return e.backbone.ImageSize() }

// Images implements Engine.
func (e *shared) Images() data.Images {
	e.mu.Lock()
	defer e.mu.Unlock()
	return data.Images{Size: e.backbone.ImageSize(), Resize: e.resize, Upright: e.upright}
}

// side is the side in pixels to which images are scaled.
func side(resize int, bb *backbone.Backbone) string {
	return fmt.Sprint(max(resize, bb.ImageSize()), " pixels")
}

// Open implements Engine.
func (e *shared) Open(ctx context.Context, file string) (Model, error) {
	e.opening.Lock()
	defer e.opening.Unlock()
	a, err := adapter.Onto(ctx, e.backbone, file, e.method, e.note)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Config.Precision != e.precision && !e.settled:
		return nil, fmt.Errorf("adapter %s was trained in %s, and a server that begins without an adapter computes in %s: begin with this one (--adapter)", file, a.Config.Precision, e.precision)
	case a.Config.Precision != e.precision:
		return nil, fmt.Errorf("adapter %s was trained in %s, and the server computes in %s, as its first adapter", file, a.Config.Precision, e.precision)
	case !e.settled:
	case a.TestResize != e.resize:
		return nil, fmt.Errorf("adapter %s was tested on images scaled to %s, and the server scales them to %s, as for its first adapter",
			file, side(a.TestResize, e.backbone), side(e.resize, e.backbone))
	case a.Upright != e.upright:
		return nil, fmt.Errorf("adapter %s was trained on images %s, and the server takes them %s, as for its first adapter",
			file, adapter.Turned(a.Upright), adapter.Turned(e.upright))
	}
	name := strconv.FormatInt(e.opened.Add(1), 10) // an adapter that replaces another is a task beside it for a while
	err = e.tasks.Add(dtl.Task{Name: name, Method: a.Config.Method, Pool: a.Config.Pool, Classes: a.Config.Classes, Adapter: a.Adapter.Tensors})
	if err != nil {
		return nil, fmt.Errorf("adapter %s: %w", file, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resize, e.upright, e.settled = a.TestResize, a.Upright, true
	return &task{e.tasks, name, a.Config.Classes, a.ClassNames, a.Several}, nil
}

// task is an open adapter.
type task struct {
	tasks   *dtl.Shared
	name    string
	classes int
	names   []string
	several bool
}

// Classes implements Model.
func (t *task) Classes() int { return t.classes }

// ClassNames implements Model.
func (t *task) ClassNames() []string { return t.names }

// Several implements Model.
func (t *task) Several() bool { return t.several }

// Close implements Model.
func (t *task) Close() error {
	if err := t.tasks.Remove(t.name); !errors.Is(err, dtl.ErrUnknownTask) {
		return err
	}
	return nil
}

// Logits implements Engine.
func (e *shared) Logits(images tensor.Tensor, parts []Part) (r Result, err error) {
	wanted := make([]dtl.Wanted, len(parts))
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Model.(*task).name
		if wanted[i].Task = names[i]; len(p.Rows) < images.Shape[0] {
			wanted[i].Rows = p.Rows
		}
	}
	if r.Logits, err = e.tasks.LogitsOf(images, wanted...); err != nil {
		return r, err
	}
	s, err := e.tasks.Sharing(names...)
	if err != nil {
		return r, err
	}
	r.Run = s.Prefix * images.Shape[0]
	for i, t := range s.Tasks {
		r.Run += t.Own * len(parts[i].Rows)
		r.Alone += s.Depth * len(parts[i].Rows)
	}
	return r, nil
}

// Close implements Engine.
func (e *shared) Close() error { return e.tasks.Close() }
