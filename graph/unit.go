package graph

// Unit is x / max(|x|, 1e-12) for each vector of the last axis of x [..., d]: vectors of length 1, as PyTorch's normalize gives them. It
// computes in float32. Saves x.
func (b *Builder) Unit(x Value) Value {
	b = b.In("unit")
	const shortest = 1e-24 // the square of PyTorch's limit
	inverse := func(b *Builder, x Value) Value {
		return b.unary("Rsqrt", b.binary("Maximum", b.reduce("Sum", b.mul(x, x), true, last(x)), b.scalar(shortest)))
	}
	wide := b.widen(x)
	return b.differentiable(b.mul(wide, inverse(b, wide)), []Value{x}, func(g *Gate, dy Value) []Value {
		x := g.widen(g.Saved(x))
		scale := inverse(g.Builder, x)
		y := g.mul(x, scale)
		along := g.reduce("Sum", g.mul(dy, y), true, last(x))
		return []Value{g.mul(g.sub(dy, g.mul(y, along)), scale)}
	})
}
