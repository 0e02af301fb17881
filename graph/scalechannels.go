package graph

// ScaleChannels is x * factors along the last axis of x [..., d], with factors [d]: LayerScale (Touvron et al., "Going Deeper with Image
// Transformers", arXiv 2103.17239, equation 4). Saves x if the factors train.
func (b *Builder) ScaleChannels(x, factors Value) Value {
	out := b.In("scalechannels").mul(x, factors)
	return b.differentiable(out, []Value{x, factors}, func(g *Gate, dy Value) []Value {
		return g.inputLast(
			part{x, func() Value { return g.mul(dy, factors) }},
			part{factors, func() Value { return g.sumRows(g.mul(dy, g.Saved(x))) }},
		)
	})
}
