package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// Linear is x W + bias with x [..., in], W [in, out] and bias [out]; the zero Value stands for no
// bias. Keeps x only where W trains: a frozen linear layer keeps nothing.
func (b *Builder) Linear(x, w, bias Value) Value { return b.linear(x, w, bias, false) }

// LinearT is x W^T with W [out, in], the layout of PyTorch's weights.
func (b *Builder) LinearT(x, w Value) Value { return b.linear(x, w, Value{}, true) }

// AffineT is x W^T + bias with W [out, in] and bias [out]: PyTorch's nn.Linear.
func (b *Builder) AffineT(x, w, bias Value) Value { return b.linear(x, w, bias, true) }

func (b *Builder) linear(x, w, bias Value, transposed bool) Value {
	b = b.In("linear")
	if !x.HasGradient() {
		x = b.low(x) // nobody else keeps x, so it is kept in the smaller type
	}
	y := b.matmul(b.rows(x), w, false, transposed)
	if bias.Defined() {
		y = b.node("BiasAdd", y.Shape, nil, y.Output, b.low(bias).Output)
	}
	out := b.reshape(y, append(slices.Clone(x.Shape[:last(x)]), y.Width())...)
	return b.differentiable(out, []Value{x, w, bias}, func(g *Gate, dy Value) (dx []Value) {
		rows := g.low(g.rows(dy))
		if x.HasGradient() {
			dx = append(dx, g.reshape(g.matmul(rows, w, false, !transposed), x.Shape...))
		}
		if w.HasGradient() {
			kept := g.rows(g.keptLow(x))
			if transposed {
				dx = append(dx, g.matmul(rows, kept, true, false))
			} else {
				dx = append(dx, g.matmul(kept, rows, true, false))
			}
		}
		if bias.HasGradient() {
			dx = append(dx, g.sumRows(rows))
		}
		return dx
	})
}

// keptLow is Kept in the precision of products. The cast waits for the gradient too: TensorFlow would move it in front of Kept's
// node and hold its result beside v.
func (g *Gate) keptLow(v Value) Value { return g.After(g.trigger).low(g.Kept(v)) }

// Add is x + y of one shape.
func (b *Builder) Add(x, y Value) Value {
	b = b.In("add")
	var sum Value
	if b.fused(x, tf.Float) && y.DataType() == tf.Bfloat16 {
		sum = b.node("Bf16Add", x.Shape, nil, x.Output, y.Output)
	} else {
		sum = b.add(x, y)
	}
	return b.differentiable(sum, []Value{x, y}, func(_ *Gate, dy Value) (dx []Value) {
		for _, in := range []Value{x, y} {
			if in.HasGradient() {
				dx = append(dx, dy)
			}
		}
		return dx
	})
}

// AddRow is x + y with x [B, T, d] and y [1, T, d] or [d]: the same for each sample.
func (b *Builder) AddRow(x, y Value) Value {
	return b.differentiable(b.In("addrow").add(x, y), []Value{x, y}, func(g *Gate, dy Value) (dx []Value) {
		if x.HasGradient() {
			dx = append(dx, dy)
		}
		if y.HasGradient() {
			dx = append(dx, g.sumTo(dy, y.Shape))
		}
		return dx
	})
}

// sumTo sums x over the axes along which a value of the given shape was broadcast.
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

// Scale is x * factor for a constant factor.
func (b *Builder) Scale(x Value, factor float64) Value {
	return b.differentiable(b.In("scale").mul(x, b.scalar(factor)), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.mul(dy, g.scalar(factor))}
	})
}

// MulMask is x * mask, where mask [B, 1, 1] has no gradient: the survivors of stochastic depth.
func (b *Builder) MulMask(x, mask Value) Value {
	return b.differentiable(b.In("mask").mul(x, mask), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.mul(dy, mask)}
	})
}
