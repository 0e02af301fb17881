package dtl

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// Served is the forward pass of a model for other programs to run. It takes images of any size, or images that are
// already of the model's size. It has no training step.
type Served struct {
	Builder   *graph.Builder
	Variables *graph.Variables // of backbone, method and classifier
	Bytes     Serving          // Images are uint8 [B, H, W, 3] of any size
	Floats    Serving          // Images are float32 [B, S, S, 3] in 0..1
}

// Serving is one input of a Served model with its outputs. Logits and Probabilities are float32 [B, classes].
type Serving struct {
	Images, Logits, Probabilities graph.Value
}

// NewServed builds the forward pass that c describes.
func NewServed(c Config) (s *Served, err error) {
	defer graph.Catch(&err)
	if err := c.Arch.Validate(); err != nil {
		return nil, err
	}
	if c.Precision == "" {
		c.Precision = graph.FP32
	}
	m := &Model{Config: c, builder: graph.New(graph.RecomputeNone).Use(c.Precision), specs: specs(c.Arch), Frozen: graph.NewVariables()}
	m.Trainable = m.Frozen // one set: nothing trains here
	m.params = &Params{b: m.builder, vars: m.Trainable, free: map[string]bool{}}
	newHook := c.Method.Attach(m.params, c.Arch)
	m.params.Declare(HeadWeight, Zeros, c.Classes, backbone.Width(c.Arch))
	m.params.DeclareFree(HeadBias, Zeros, c.Classes)

	s = &Served{Builder: m.builder, Variables: m.Trainable}
	side := c.Arch.ImageSize()
	b := m.builder.In("bytes")
	images := b.Placeholder("images", tf.Uint8, graph.Unknown, graph.Unknown, graph.Unknown, 3)
	s.Bytes = m.serving(b, images, b.Resize(images, side), newHook())
	b = m.builder.In("floats")
	images = b.Placeholder("images", tf.Float, graph.Unknown, side, side, 3)
	s.Floats = m.serving(b, images, images, newHook())
	return s, nil
}

func (m *Model) serving(b *graph.Builder, images, resized graph.Value, hook backbone.Hook) Serving {
	logits := m.forward(b, resized, &backbone.Forward{Hook: hook})
	return Serving{Images: images, Logits: logits, Probabilities: b.Probabilities(logits)}
}
