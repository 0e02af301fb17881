package dtl

import (
	"cmp"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
)

// Served is the forward pass of a model for other programs to run. It takes images of any size, or images that are
// already of the model's size. It has no training step.
type Served struct {
	Builder   *graph.Builder
	Variables *graph.Variables // of backbone, method and classifier
	Bytes     Serving          // Images are uint8 [B, H, W, 3] of any size
	Floats    Serving          // Images are float32 [B, S, S, 3] in 0..1
}

// Serving is one input of a Served model with its outputs. Fitted are the images of the model's size, which are Images or made of them.
// Logits and Probabilities are float32 [B, classes].
type Serving struct {
	Images, Fitted, Logits, Probabilities graph.Value
}

// NewServed builds the forward pass that c describes for other programs. Images of any size are scaled to the model's size, or to
// resize x resize pixels, whose centre has it, unless resize is 0. Recompute, Device, ChunkValues and FloatImages have no
// effect.
func NewServed(c Config, resize int) (s *Served, err error) {
	defer graph.Catch(&err)
	if err := c.check(); err != nil {
		return nil, err
	}
	variables := graph.NewVariables() // one set: nothing trains here
	m := c.declare(graph.New(graph.RecomputeNone).Use(c.Precision), variables, variables)
	m.prefix.shortEnd = c.shortEnd()
	m.attach()

	s = &Served{Builder: m.builder, Variables: variables}
	side := c.Arch.ImageSize()
	b := m.builder.In("bytes")
	images := b.Placeholder("images", tf.Uint8, graph.Unknown, graph.Unknown, graph.Unknown, 3)
	s.Bytes = m.serving(b, images, fit(b, images, resize, side))
	b = m.builder.In("floats")
	images = b.Placeholder("images", tf.Float, graph.Unknown, side, side, 3)
	s.Floats = m.serving(b, images, images)
	return s, nil
}

// shortEnd tells whether the last block computes only what the pool reads (see prefix), from a pass in a graph that is built for this alone.
// It panics as builders do.
func (c Config) shortEnd() bool {
	variables := graph.NewVariables()
	m := c.declare(graph.New(graph.RecomputeNone), variables, variables)
	m.attach()
	m.findPrefix(m.builder, m.placeholder(m.builder, graph.Unknown))
	return m.prefix.shortEnd
}

// fit scales images to resize x resize pixels and cuts out the centre of side x side, or scales them to the latter if resize is 0.
func fit(b *graph.Builder, images graph.Value, resize, side int) graph.Value {
	resized := b.Resize(images, cmp.Or(resize, side))
	if resize > side {
		resized = b.Centre(resized, side)
	}
	return resized
}

func (m *Model) serving(b *graph.Builder, images, resized graph.Value) Serving {
	logits := m.forward(b, resized, m.hooked())
	return Serving{Images: images, Fitted: resized, Logits: logits, Probabilities: b.Probabilities(logits)}
}
