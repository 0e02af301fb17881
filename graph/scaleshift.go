package graph

// ScaleShift is x * scale + shift along the last axis of x [..., d], with scale and shift [d]. Saves x if scale trains.
func (b *Builder) ScaleShift(x, scale, shift Value) Value {
	b = b.In("scaleshift")
	out := b.add(b.mul(x, scale), shift)
	return b.differentiable(out, []Value{x, scale, shift}, func(g *Gate, dy Value) []Value {
		return g.inputLast(
			part{x, func() Value { return g.mul(dy, scale) }},
			part{scale, func() Value { return g.sumRows(g.mul(dy, g.Saved(x))) }},
			part{shift, func() Value { return g.sumRows(dy) }},
		)
	})
}
