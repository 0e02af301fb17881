package graph

// ScaleShift is x * scale + shift along the last axis of x [..., d], with scale and shift [d]. Saves x if scale trains.
func (b *Builder) ScaleShift(x, scale, shift Value) Value {
	b = b.In("scaleshift")
	out := b.add(b.mul(x, scale), shift)
	return b.differentiable(out, []Value{x, scale, shift}, func(g *Gate, dy Value) (dx []Value) {
		if x.HasGradient() {
			dx = append(dx, g.mul(dy, scale))
		}
		if scale.HasGradient() {
			dx = append(dx, g.sumRows(g.mul(dy, g.Saved(x))))
		}
		if shift.HasGradient() {
			dx = append(dx, g.sumRows(dy))
		}
		return dx
	})
}
