package graph

// Blend is s x + (1 - s) y with s = sigmoid(gate / temperature), for x and y of the same shape and a gate [1]. Saves x - y.
func (b *Builder) Blend(x, y, gate Value, temperature float64) Value {
	b = b.In("blend")
	s := b.unary("Sigmoid", b.mul(gate, b.scalar(1/temperature)))
	difference := b.sub(x, y)
	out := b.add(y, b.mul(difference, s))
	return b.differentiable(out, []Value{x, y, gate}, func(g *Gate, dy Value) []Value {
		return gradients(
			part{x, func() Value { return g.mul(dy, s) }},
			part{y, func() Value { return g.mul(dy, g.sub(g.scalar(1), s)) }},
			part{gate, func() Value { // ds/dgate = s (1 - s) / temperature
				dot := g.reduce("Sum", g.rows(g.mul(dy, g.Saved(difference))), false, 0, 1)
				slope := g.mul(g.mul(s, g.sub(g.scalar(1), s)), g.scalar(1/temperature))
				return g.mul(slope, dot)
			}},
		)
	})
}
