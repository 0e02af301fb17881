package dtl

import (
	"fmt"
	"maps"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// ServedTasks is a Served for several tasks on one backbone. What their methods leave as it is has one copy of nodes for each input,
// so a run that fetches the logits of several tasks computes it once.
type ServedTasks struct {
	Builder       *graph.Builder
	Variables     *graph.Variables // of the backbone, and of each task with TaskPrefix before their names
	Bytes, Floats []Serving        // of each task, in their order; Images are those of Served, the same for all tasks
	Sharing       Sharing

	given Config // as given to NewServedTasks
}

// TaskPrefix begins the names of a task's variables.
func TaskPrefix(task string) string { return "tasks/" + task + "/" }

// NewServedTasks builds the forward passes of tasks for other programs. It ignores the config's Method, Pool and Classes, and what
// NewServed ignores. resize is as in NewServed.
func NewServedTasks(c Config, tasks []Task, resize int) (s *ServedTasks, err error) {
	defer graph.Catch(&err)
	c = c.withoutMethod()
	given := c
	if err := c.check(); err != nil {
		return nil, err
	}
	s = &ServedTasks{given: given, Builder: graph.New(graph.RecomputeNone).Use(c.Precision), Variables: graph.NewVariables()}
	s.Sharing.Depth = len(c.Arch.Blocks())
	plain := c.declare(s.Builder, s.Variables, s.Variables)
	side := c.Arch.ImageSize()
	b := s.Builder.In("bytes")
	bytes := b.Placeholder("images", tf.Uint8, graph.Unknown, graph.Unknown, graph.Unknown, 3)
	resized := fit(b, bytes, resize, side)
	ofBytes := plain.plainPass(b.In("shared"), resized)
	b = s.Builder.In("floats")
	floats := b.Placeholder("images", tf.Float, graph.Unknown, side, side, 3)
	ofFloats := plain.plainPass(b.In("shared"), floats)
	for _, t := range tasks {
		of := c
		of.Method, of.Pool, of.Classes = t.Method, t.Pool, t.Classes
		if err := of.sharesFolded(given.Arch); err != nil {
			return nil, fmt.Errorf("task %s: %w", t.Name, err)
		}
		alone, err := New(of) // finds the prefix
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", t.Name, err)
		}
		m := of.declare(s.Builder.Apart(), s.Variables, s.Variables.Within(TaskPrefix(t.Name)))
		m.attach()
		for _, in := range []struct {
			name            string
			images, resized graph.Value
			values          map[string]graph.Value
			to              *[]Serving
		}{{"bytes", bytes, resized, ofBytes, &s.Bytes}, {"floats", floats, floats, ofFloats, &s.Floats}} {
			b := m.builder.In(in.name).In("task")
			logits := m.after(b, alone.prefix, in.resized, in.values)
			*in.to = append(*in.to, Serving{Images: in.images, Fitted: in.resized, Logits: logits, Probabilities: b.Probabilities(logits)})
		}
		from := alone.prefix.blocks
		s.Sharing.Prefix = max(s.Sharing.Prefix, from)
		s.Sharing.Tasks = append(s.Sharing.Tasks, SharingShare{Task: t.Name, From: from, Own: s.Sharing.Depth - from, Bytes: m.Trainable.Bytes()})
	}
	return s, nil
}

// after is the forward pass from the values of a trunk, or from images if there is no prefix, to logits.
func (m *Model) after(b *graph.Builder, p prefix, images graph.Value, values map[string]graph.Value) graph.Value {
	f := &backbone.Forward{Hook: m.newHook(), ShortEnd: p.shortEnd}
	if p.blocks == 0 {
		return m.forward(b, images, f)
	}
	f.Arch, f.Weight, f.Derive = m.Config.Arch, m.weight, m.derive
	given := p.given(b, func(v stored) graph.Value { return values[v.inTrunk(m.Config.Pool)] })
	return m.classify(b, f.Resume(b, given, m.Config.Pool))
}

// Values are the values of the variables, from the weights of the backbone as in its file.
func (s *ServedTasks) Values(weights tensor.Map, tasks []Task) tensor.Map {
	values := maps.Clone(s.given.Weights(weights))
	for _, t := range tasks {
		for name, v := range t.Adapter {
			values[TaskPrefix(t.Name)+name] = v
		}
	}
	return values
}
