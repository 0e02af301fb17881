package graph

// Blend is s x + (1 - s) y with s = sigmoid(gate / temperature), for x and y of the same shape and a gate [1]. Saves x - y.
func (b *Builder) Blend(x, y, gate Value, temperature float64) Value {
	b = b.In("blend")
	s := b.unary("Sigmoid", b.mul(gate, b.scalar(1/temperature)))
	difference := b.sub(x, y)
	out := b.add(y, b.mul(difference, s))
	return b.differentiable(out, []Value{x, y, gate}, func(g *Gate, dy Value) (dx []Value) {
		if x.HasGradient() {
			dx = append(dx, g.mul(dy, s))
		}
		if y.HasGradient() {
			dx = append(dx, g.mul(dy, g.sub(g.scalar(1), s)))
		}
		if gate.HasGradient() {
			// ds/dgate = s (1 - s) / temperature.
			dot := g.reduce("Sum", g.rows(g.mul(dy, g.Saved(difference))), false, 0, 1)
			slope := g.mul(g.mul(s, g.sub(g.scalar(1), s)), g.scalar(1/temperature))
			dx = append(dx, g.mul(slope, dot))
		}
		return dx
	})
}
