package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// record is one step on the tape: a layer of the forward pass through which a gradient flows.
type record struct {
	order  int         // of recording: a record's inputs have lower numbers
	dtype  tf.DataType // of the value and of its gradient
	name   string      // prefix of the forward nodes; backward nodes are named after it
	inputs []*record
	// back is the vector-Jacobian product: one gradient per element of inputs, in order. A leaf has none.
	back func(g *Gate, dy Value) []Value
}

// Gate is a Builder for the backward nodes of one layer. It holds them back until the incoming gradient exists.
type Gate struct {
	*Builder
	trigger *tf.Operation // computes the incoming gradient
}

// Saved is v, a saved activation, read through an Identity that waits for the incoming gradient. Without the wait, backward
// nodes that depend on forward values only would run during the forward pass and their results would occupy memory until the
// gradient arrives.
func (g *Gate) Saved(v Value) Value {
	return Value{Output: g.After(g.trigger).node("Identity", v.Shape, nil, v.Output).Output, Shape: v.Shape}
}

// differentiable records out on the tape if any input is on it. back maps the gradient of out to one gradient for each input
// that is on the tape, in order.
func (b *Builder) differentiable(out Value, inputs []Value, back func(g *Gate, dy Value) []Value) Value {
	r := &record{name: b.prefix, dtype: out.DataType(), back: back}
	for _, in := range inputs {
		if in.tape != nil {
			r.inputs = append(r.inputs, in.tape)
		}
	}
	if len(r.inputs) == 0 {
		return out
	}
	b.records++
	r.order = b.records
	out.tape = r
	return out
}

// part is the gradient of one input of a layer. It is built only if a gradient can flow into the input.
type part struct {
	of    Value
	build func() Value
}

// gradients builds what a vector-Jacobian product returns: the gradients of the inputs that have one, in order.
func gradients(parts ...part) (dx []Value) {
	for _, p := range parts {
		if p.of.HasGradient() {
			dx = append(dx, p.build())
		}
	}
	return dx
}

// inputLast is gradients of a layer's input and of its parameters, where the input's is computed last. Otherwise TensorFlow may go on with the
// input's and come to the parameters' later, in an order that differs between processes, and hold dy and what the layer saved until then.
func (g *Gate) inputLast(input part, parameters ...part) []Value {
	list := gradients(parameters...)
	before := g.Builder
	for _, v := range list {
		g.Builder = g.After(v.Op)
	}
	dx := gradients(input)
	g.Builder = before
	return append(dx, list...)
}

// Leaf starts a tape at v: a trainable variable, or the input of a chunk that is recomputed.
func (b *Builder) Leaf(v Value) Value {
	b.records++
	v.tape = &record{order: b.records, name: b.prefix, dtype: v.DataType()}
	return v
}

// Alias is v under another name, gradient included. Its consumers (see IsUsed) are told apart from those of v.
func (b *Builder) Alias(v Value) Value {
	alias := b.node("Identity", v.Shape, nil, v.Output)
	alias.tape = v.tape
	return alias
}

// Detach is v without its gradient.
func Detach(v Value) Value { v.tape = nil; return v }

// Backward runs the tape in reverse from dy, the gradient of y, and returns the gradients of the leaves, in order. A leaf on
// which y does not depend gets the zero Value.
func (b *Builder) Backward(y, dy Value, leaves []Value) []Value {
	grads := b.propagate(y, dy, 0)
	out := make([]Value, len(leaves))
	for i, leaf := range leaves {
		out[i] = grads[leaf.tape]
	}
	return out
}

// Reaches tells for each leaf whether y depends on it, so that Backward gives it a gradient.
func Reaches(y Value, leaves []Value) []bool {
	on := map[*record]bool{}
	for _, r := range reachable(y.tape, 0) {
		on[r] = true
	}
	reached := make([]bool, len(leaves))
	for i, leaf := range leaves {
		reached[i] = on[leaf.tape]
	}
	return reached
}

// propagate carries dy, the gradient of y, back through the records younger than start. It returns the gradients it could not
// carry further: those of leaves and of older records.
func (b *Builder) propagate(y, dy Value, start int) map[*record]Value {
	grads := map[*record]Value{}
	if y.tape != nil {
		grads[y.tape] = dy
	}
	for _, r := range reachable(y.tape, start) {
		dy, ok := grads[r]
		if !ok || r.back == nil {
			continue
		}
		delete(grads, r)
		after := slices.Clone(b.after)
		for _, in := range r.inputs {
			// Build an addend only once the accumulator exists; otherwise it stays alive for a whole block.
			if accumulator := grads[in]; accumulator.Defined() {
				after = append(after, accumulator.Op)
			}
		}
		g := &Gate{Builder: &Builder{shared: b.shared, device: b.device, prefix: "backward/" + r.name, after: after}, trigger: dy.Op}
		for i, dx := range r.back(g, dy) {
			in := r.inputs[i]
			grads[in] = g.plus(grads[in], g.cast(dx, in.dtype))
		}
	}
	return grads
}

// reachable lists y and its ancestors on the tape that are younger than start, youngest first.
func reachable(y *record, start int) []*record {
	if y == nil || y.order <= start {
		return nil
	}
	seen := map[*record]bool{y: true}
	all := []*record{y}
	for i := 0; i < len(all); i++ {
		for _, in := range all[i].inputs {
			if !seen[in] && in.order > start {
				seen[in] = true
				all = append(all, in)
			}
		}
	}
	slices.SortFunc(all, func(a, b *record) int { return b.order - a.order })
	return all
}
