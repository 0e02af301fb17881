package graph

// SwiGLU is gate * sigmoid(gate) * x, element by element (Shazeer, "GLU Variants Improve Transformer", arXiv 2002.05202). It computes in
// float32 and returns the Builder's precision. Saves gate and x.
func (b *Builder) SwiGLU(gate, x Value) Value {
	b = b.In("swiglu")
	silu := func(b *Builder, h Value) Value { return b.mul(h, b.unary("Sigmoid", h)) }
	out := b.narrow(b.mul(silu(b, b.widen(gate)), b.widen(x)))
	return b.differentiable(out, []Value{gate, x}, func(g *Gate, dy Value) []Value {
		dy = g.widen(dy)
		h := g.widen(g.Saved(gate))
		return gradients(
			part{gate, func() Value { // x (s + h s (1 - s)) = x s (1 + h (1 - s))
				s := g.unary("Sigmoid", h)
				slope := g.mul(s, g.add(g.mul(h, g.sub(g.scalar(1), s)), g.scalar(1)))
				return g.mul(g.mul(slope, g.widen(g.Saved(x))), dy)
			}},
			part{x, func() Value { return g.mul(silu(g.Builder, h), dy) }},
		)
	})
}
