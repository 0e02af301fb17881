package dtl

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Towers are the parts of a graph that compute on different devices, each its share of the samples: the model itself on the first
// device, and a mirror of it on every other. All share the trainable variables, which live on the first device. Frozen weights
// are shared by the processors of a process, which read them in place; every other device has its own copy.

// towers lists the model and its mirrors, a tower for each of Config.Places.
func (m *Model) towers() []*Model { return append([]*Model{m}, m.mirrors...) }

// mirror is the model on another device, with a forward pass for any number of images.
func (m *Model) mirror(i int, place graph.Place) *Model {
	t := *m
	t.mirrors = nil
	t.builder = m.builder.On(place).In(fmt.Sprintf("tower_%d", i))
	if !place.SharesMemory(m.Config.Places[0]) {
		t.Frozen = graph.NewVariables()
		t.derive = func(name string, build func(b *graph.Builder) graph.Value) graph.Value {
			return t.Frozen.Derive(t.builder, name, build)
		}
		if t.isDistant() {
			t.Trainable = m.Trainable.Mirror(m.builder, t.builder)
		}
		t.attach() // to these weights, which a method may compute with
	}
	t.predict()
	return &t
}

// maxMessage bounds the elements of a message that joins the trainable variables or their gradients. Each message between processes takes
// some 0.1 ms of both, so the hundreds of small tensors of a method travel together; joining large ones would copy them for nothing.
const maxMessage = 16 << 20

// isDistant tells whether a mirror gets the trainable variables in one message, and sends their gradients in one.
func (m *Model) isDistant() bool {
	return m.builder.Place().Task() != m.Config.Places[0].Task() && m.Trainable.Elements() <= maxMessage
}

// gather returns the loss and the gradients of a tower on the device of b. Undefined gradients stay undefined.
func (m *Model) gather(b *graph.Builder, loss graph.Value, gradients []graph.Value) (graph.Value, []graph.Value) {
	if len(m.Config.Places) == 0 || !m.isDistant() {
		return loss, gradients
	}
	values, shapes := []graph.Value{loss}, [][]int{loss.Shape}
	for _, g := range gradients {
		if g.Defined() {
			values, shapes = append(values, g), append(shapes, g.Shape)
		}
	}
	parts := b.Unflatten(m.builder.In("train").Flatten(values), shapes)
	loss, parts = parts[0], parts[1:]
	arrived := make([]graph.Value, len(gradients))
	for i, g := range gradients {
		if g.Defined() {
			arrived[i], parts = parts[0], parts[1:]
		}
	}
	return loss, arrived
}

// predict adds the forward pass for any number of images, and finds the prefix in it.
func (m *Model) predict() {
	b := m.builder.In("predict")
	m.images = m.placeholder(b, graph.Unknown)
	features := m.findPrefix(b, m.images)
	if m.prefix.shortEnd {
		b = m.builder.In("predict_short")
		features = m.features(b, m.images, m.hooked()) // the watched pass computes all tokens
		m.prefix.useFeatures(features)
	}
	m.logits = m.classify(b, features)
	m.cached = m.prefix
	if s, ok := m.Config.Method.(summing); ok {
		m.cached = m.prefix.summed(m.builder.In("store"), m.Config.Arch.Blocks(), s.sumFrom())
	}
	for _, v := range m.cached.values {
		m.cached.fetches = append(m.cached.fetches, m.builder.In("store").In(v.name).Float(graph.Detach(v.value)).Output)
	}
}

// findPrefix adds a pass that is watched, to the features [B, d] that it returns, and finds the prefix in it.
func (m *Model) findPrefix(b *graph.Builder, images graph.Value) graph.Value {
	w := &watcher{hook: m.newHook(), arch: m.Config.Arch}
	features := m.features(b, images, &backbone.Forward{Hook: w.see})
	m.prefix = w.found(features)
	// A pass that starts from the tokens after the last block pools them itself, and one from images must give the same bits.
	fromTokens := m.prefix.blocks == len(m.Config.Arch.Blocks()) && !m.prefix.features.Defined()
	end := backbone.EndOf(m.Config.Arch, m.Config.Pool)
	m.prefix.shortEnd = end != backbone.WholeEnd && w.allows(end, m.Config.Method) && !fromTokens
	return features
}

// checkPlaces refuses devices of different kinds, for which no graph can be built at the same time, and the same one twice.
func (c Config) checkPlaces() error {
	seen := map[graph.Place]bool{}
	for _, p := range c.Places {
		switch {
		case seen[p]:
			return fmt.Errorf("device %s is named twice", p.Short())
		case p.Kind() != c.Places[0].Kind():
			return fmt.Errorf("devices %s and %s can't share the work: use devices of one kind", c.Places[0].Short(), p.Short())
		}
		seen[p] = true
	}
	return nil
}

// span is the samples from..to-1.
type span struct{ from, to int }

func (s span) samples() int { return s.to - s.from }

// divide divides samples among towers, as evenly as possible. With fewer samples than towers, the last towers get none.
func divide(samples, towers int) []span {
	list, from := make([]span, towers), 0
	for i := range list {
		each := samples / towers
		if i < samples%towers {
			each++
		}
		list[i] = span{from, from + each}
		from += each
	}
	return list
}

// pass is a forward pass for any number of samples.
type pass struct {
	inputs  []graph.Value
	fetches []tf.Output
}

// passes lists a pass of each tower.
func (m *Model) passes(of func(*Model) pass) []pass {
	var list []pass
	for _, t := range m.towers() {
		list = append(list, of(t))
	}
	return list
}

// spread feeds samples, each value [n, ...], to the passes of the towers and joins the results, each [n, ...] in float32.
func (p *Predictor) spread(values []tensor.Tensor, passes []pass) ([]tensor.Tensor, error) {
	if want := len(passes[0].inputs); len(values) != want {
		return nil, fmt.Errorf("%d values were given, want %d", len(values), want)
	}
	n := 0
	for i, v := range values {
		if len(v.Shape) == 0 || i > 0 && v.Shape[0] != n {
			return nil, fmt.Errorf("values of the shapes %v and %v: want the same number of samples, first", values[0].Shape, v.Shape)
		}
		n = v.Shape[0]
	}
	var feeds []graph.Feed
	var all []tf.Output
	towers := 0
	for i, s := range divide(n, len(passes)) {
		if s.samples() == 0 && i > 0 {
			break
		}
		for k, v := range values {
			part, err := tensor.Part(v, s.from, s.to)
			if err != nil {
				return nil, err
			}
			feeds = append(feeds, graph.Feed{Output: passes[i].inputs[k].Output, Value: part})
		}
		all = append(all, passes[i].fetches...)
		towers++
	}
	parts, err := p.session.Run(feeds, all)
	if err != nil || towers == 1 {
		return parts, err
	}
	joined := make([]tensor.Tensor, len(parts)/towers)
	for k := range joined {
		shape := append([]int{n}, parts[k].Shape[1:]...)
		floats := make([]float32, 0, tensor.Size(shape))
		for i := k; i < len(parts); i += len(joined) {
			floats = append(floats, parts[i].Float32()...)
		}
		joined[k] = tensor.Must(floats, shape...)
	}
	return joined, nil
}
