package graph

// ScaleRows is x with each row times a factor: x [n, d] and factors [n]. Saves x if the factors train.
func (b *Builder) ScaleRows(x, factors Value) Value {
	b = b.In("scalerows")
	column := func(b *Builder) Value { return b.reshape(factors, factors.Shape[0], 1) }
	return b.differentiable(b.mul(x, column(b)), []Value{x, factors}, func(g *Gate, dy Value) []Value {
		return g.inputLast(
			part{x, func() Value { return g.mul(dy, column(g.Builder)) }},
			part{factors, func() Value { return g.reduce("Sum", g.mul(dy, g.Saved(x)), false, 1) }},
		)
	})
}
