package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// Linear is x W + bias with x [..., in], W [in, out] and bias [out]; the zero Value stands for no
// bias. Saves x if W trains: a frozen linear layer saves nothing.
func (b *Builder) Linear(x, w, bias Value) Value { return b.linear(x, w, bias, false) }

// LinearT is x W^T with W [out, in], the layout of PyTorch's weights.
func (b *Builder) LinearT(x, w Value) Value { return b.linear(x, w, Value{}, true) }

// AffineT is x W^T + bias with W [out, in] and bias [out]: PyTorch's nn.Linear.
func (b *Builder) AffineT(x, w, bias Value) Value { return b.linear(x, w, bias, true) }

func (b *Builder) linear(x, w, bias Value, transposed bool) Value {
	b = b.In("linear")
	if !x.HasGradient() {
		x = b.narrow(x) // no other layer saves x, so this one saves the smaller type
	}
	y := b.matmul(b.rows(x), w, false, transposed)
	if bias.Defined() {
		y = b.node("BiasAdd", y.Shape, nil, y.Output, b.narrow(bias).Output)
	}
	out := b.reshape(y, append(slices.Clone(x.Shape[:last(x)]), y.Width())...)
	return b.differentiable(out, []Value{x, w, bias}, func(g *Gate, dy Value) []Value {
		rows := g.narrow(g.rows(dy))
		return g.inputLast(
			part{x, func() Value { return g.reshape(g.matmul(rows, w, false, !transposed), x.Shape...) }},
			part{w, func() Value {
				saved := g.rows(g.savedNarrow(x))
				if transposed {
					return g.matmul(rows, saved, true, false)
				}
				return g.matmul(saved, rows, true, false)
			}},
			part{bias, func() Value { return g.sumRows(rows) }},
		)
	})
}

// savedNarrow is Saved in the Builder's precision. The cast waits for the gradient as well; otherwise Grappler would move it
// ahead of the Identity, into the forward pass, and its result would be held in addition to v.
func (g *Gate) savedNarrow(v Value) Value { return g.After(g.trigger).narrow(g.Saved(v)) }

// Add is x + y for x and y of the same shape. Saves nothing.
func (b *Builder) Add(x, y Value) Value {
	b = b.In("add")
	var sum Value
	if b.fused(x, tf.Float) && y.DataType() == tf.Bfloat16 {
		sum = b.node("Bf16Add", x.Shape, nil, x.Output, y.Output)
	} else {
		sum = b.add(x, y)
	}
	return b.differentiable(sum, []Value{x, y}, func(_ *Gate, dy Value) []Value {
		same := func() Value { return dy }
		return gradients(part{x, same}, part{y, same})
	})
}

// AddRow is x + y with x [B, T, d] and y [1, T, d] or [d], broadcast over the samples. Saves nothing.
func (b *Builder) AddRow(x, y Value) Value {
	return b.differentiable(b.In("addrow").add(x, y), []Value{x, y}, func(g *Gate, dy Value) []Value {
		return gradients(part{x, func() Value { return dy }}, part{y, func() Value { return g.sumTo(dy, y.Shape) }})
	})
}

// sumTo sums x over the axes along which a value of the given shape was broadcast: the gradient of the broadcast.
func (b *Builder) sumTo(x Value, shape []int) Value {
	var axes []int
	missing := len(x.Shape) - len(shape)
	for i, d := range x.Shape {
		if i < missing || (shape[i-missing] == 1 && d != 1) {
			axes = append(axes, i)
		}
	}
	return b.reshape(b.reduce("Sum", x, false, axes...), shape...)
}

// Scale is x * factor for a constant factor. Saves nothing.
func (b *Builder) Scale(x Value, factor float64) Value {
	return b.differentiable(b.In("scale").mul(x, b.scalar(factor)), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.mul(dy, g.scalar(factor))}
	})
}

// MulMask is x * mask, with mask [B, 1, 1] the survivors of stochastic depth (see DropPath). The mask gets no gradient. Saves
// nothing.
func (b *Builder) MulMask(x, mask Value) Value {
	return b.differentiable(b.In("mask").mul(x, mask), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.mul(dy, mask)}
	})
}
