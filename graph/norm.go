package graph

import tf "github.com/wamuir/graft/tensorflow"

// LayerNorm normalises the last axis of x [..., d]: (x - mean) / sqrt(var + eps) * scale + bias with
// scale, bias [d]. It computes in float32 and returns the Builder's precision. Saves x and, without a kernel, the two statistics
// [..., 1].
func (b *Builder) LayerNorm(x, scale, bias Value, eps float64) Value {
	b = b.In("layernorm")
	if kind := b.kernelsOf(tf.Float, x); kind != "" {
		return b.fusedLayerNorm(kind, x, scale, bias, eps)
	}
	axis := last(x)
	wide := b.widen(x)
	mean := b.reduce("Mean", wide, true, axis)
	deviation := b.binary("SquaredDifference", wide, mean)
	inverse := b.unary("Rsqrt", b.withEpsilon(b.reduce("Mean", deviation, true, axis), eps))
	normal := b.mul(b.sub(wide, mean), inverse)
	out := b.narrow(b.add(b.mul(normal, scale), bias))
	return b.differentiable(out, []Value{x, scale, bias}, func(g *Gate, dy Value) []Value {
		dy = g.widen(dy)
		var normal Value
		if x.HasGradient() || scale.HasGradient() {
			normal = g.mul(g.sub(g.widen(g.Saved(x)), mean), inverse)
		}
		return g.inputLast(
			part{x, func() Value { // (s - mean(s) - n mean(s n)) / sigma with s = dy * scale and n = (x - mean) / sigma
				s := g.mul(dy, scale)
				meanSN := g.reduce("Mean", g.mul(s, normal), true, axis)
				centred := g.sub(s, g.reduce("Mean", s, true, axis))
				return g.mul(g.sub(centred, g.mul(normal, meanSN)), inverse)
			}},
			part{scale, func() Value { return g.sumRows(g.mul(dy, normal)) }},
			part{bias, func() Value { return g.sumRows(dy) }},
		)
	})
}

// withEpsilon is variance [..., 1] plus eps. It is a BiasAdd: with oneDNN, Grappler puts one op in the place of the nodes of a
// LayerNorm in which it finds an AddV2 here, and that op has an epsilon of 0.001 whatever was added (TensorFlow 2.18, remapper.cc,
// FindMklLayerNorm). Whether it finds one depends on what it knows about shapes.
func (b *Builder) withEpsilon(variance Value, eps float64) Value {
	return b.node("BiasAdd", variance.Shape, nil, variance.Output, b.vector([]float32{float32(eps)}).Output)
}

// fusedLayerNorm recomputes the statistics in its gradient and so saves x only.
func (b *Builder) fusedLayerNorm(kind string, x, scale, bias Value, eps float64) Value {
	attributes := map[string]any{"epsilon": float32(eps)}
	out := b.node(kind+"LayerNorm", x.Shape, attributes, x.Output, scale.Output, bias.Output)
	return b.differentiable(out, []Value{x, scale, bias}, func(g *Gate, dy Value) []Value {
		return g.inputLast(
			part{x, func() Value {
				return g.node(kind+"LayerNormGrad", x.Shape, attributes, g.Saved(x).Output, scale.Output, g.narrow(dy).Output)
			}},
			part{scale, func() Value {
				x := g.Saved(x)
				centred := g.sub(x, g.reduce("Mean", x, true, last(x)))
				variance := g.reduce("Mean", g.mul(centred, centred), true, last(x))
				return g.sumRows(g.mul(g.mul(centred, g.unary("Rsqrt", g.add(variance, g.scalar(eps)))), g.widen(dy)))
			}},
			part{bias, func() Value { return g.sumRows(dy) }},
		)
	})
}
