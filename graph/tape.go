package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// record is one step of the forward pass through which a gradient flows.
type record struct {
	order  int
	dtype  tf.DataType // of the value, and so of its gradient
	name   string      // prefix of the forward nodes; the backward ones are named after it
	inputs []*record
	// back returns the gradients of the inputs, in order; inputs without tape are left out.
	back func(g *Gate, dy Value) []Value
}

// Gate is a Builder for the backward nodes of one layer.
type Gate struct {
	*Builder
	trigger *tf.Operation
}

// Kept reads a value of the forward pass again, not before the incoming gradient is there.
// Without it the nodes that use it would run, and hold their results, during the forward pass.
func (g *Gate) Kept(v Value) Value {
	return Value{Output: g.After(g.trigger).node("Identity", v.Shape, nil, v.Output).Output, Shape: v.Shape}
}

// differentiable gives out a place on the tape if any of the inputs has one. back gets the
// gradient of out and returns one gradient for each input that has a tape, in order.
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

// Leaf marks v as something whose gradient is wanted: a trainable variable, or the input of a
// block that is built again.
func (b *Builder) Leaf(v Value) Value {
	b.records++
	v.tape = &record{order: b.records, name: b.prefix, dtype: v.DataType()}
	return v
}

// Alias is v by another name, with its gradient. Who uses it (see IsUsed) can be told from who uses v.
func (b *Builder) Alias(v Value) Value {
	alias := b.node("Identity", v.Shape, nil, v.Output)
	alias.tape = v.tape
	return alias
}

// Detach is v without its gradient.
func Detach(v Value) Value { v.tape = nil; return v }

// Backward propagates dy, the gradient of y, and returns the gradients of the leaves, in order. A
// leaf that y does not depend on gets the zero Value.
func (b *Builder) Backward(y, dy Value, leaves []Value) []Value {
	grads := b.propagate(y, dy, 0)
	out := make([]Value, len(leaves))
	for i, leaf := range leaves {
		out[i] = grads[leaf.tape]
	}
	return out
}

// propagate takes dy, the gradient of y, back through the records that are younger than start, and returns the
// gradients of where it ends: of leaves and of older records.
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
			// What is added to a gradient is made when that is there, or it might lie about for the time of a block.
			if earlier := grads[in]; earlier.Defined() {
				after = append(after, earlier.Op)
			}
		}
		g := &Gate{Builder: &Builder{shared: b.shared, prefix: "backward/" + r.name, after: after}, trigger: dy.Op}
		for i, dx := range r.back(g, dy) {
			in := r.inputs[i]
			grads[in] = g.plus(grads[in], g.cast(dx, in.dtype))
		}
	}
	return grads
}

// reachable lists the records younger than start from which y was made, latest first.
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

func (b *Builder) sum(x, y Value) Value { return b.node("AddV2", x.Shape, nil, x.Output, y.Output) }
