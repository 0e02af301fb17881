package graph

import (
	"math"

	tf "github.com/wamuir/graft/tensorflow"
)

// GELU is x * Phi(x) with the exact normal distribution function (erf), as in timm's ViT. Saves x.
func (b *Builder) GELU(x Value) Value {
	b = b.In("gelu")
	if b.fused(x, tf.Bfloat16) {
		return b.differentiable(b.unary("Bf16Gelu", x), []Value{x}, func(g *Gate, dy Value) []Value {
			return []Value{g.node("Bf16GeluGrad", dy.Shape, nil, g.Saved(x).Output, g.narrow(dy).Output)}
		})
	}
	var out Value
	if x.HasGradient() && x.Shape[0] != Unknown && b.recompute != RecomputeBlocks && b.kernelsOf(tf.Float, x) == "F32" {
		out = b.node("F32Gelu", x.Shape, nil, x.Output)
	} else {
		// Grappler fuses exactly this order of nodes into the preceding linear layer, unless x is saved.
		wide := b.widen(x)
		out = b.narrow(b.mul(b.mul(b.add(b.unary("Erf", b.mul(wide, b.scalar(math.Sqrt2/2))), b.scalar(1)), b.scalar(0.5)), wide))
	}
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		if kind := g.kernelsOf(tf.Float, x, dy); kind == "F32" {
			return []Value{g.node("F32GeluGrad", dy.Shape, nil, g.Saved(x).Output, dy.Output)}
		}
		// d(x Phi(x)) = Phi(x) + x phi(x).
		x := g.widen(g.Saved(x))
		phi := g.mul(g.unary("Exp", g.mul(g.mul(x, x), g.scalar(-0.5))), g.scalar(1/math.Sqrt(2*math.Pi)))
		cdf := g.mul(g.add(g.unary("Erf", g.mul(x, g.scalar(math.Sqrt2/2))), g.scalar(1)), g.scalar(0.5))
		return []Value{g.mul(g.add(cdf, g.mul(x, phi)), dy)}
	})
}

// TanhGELU is x/2 (1 + tanh(c (x + 0.044715 x^3))) with c = sqrt(2/pi), an approximation of GELU (Hendrycks and Gimpel, arXiv
// 1606.08415, section 2). It computes in float32 and returns the Builder's precision. Saves x.
func (b *Builder) TanhGELU(x Value) Value {
	b = b.In("tanhgelu")
	tanh := func(b *Builder, x Value) Value {
		cube := b.mul(b.mul(b.mul(x, x), b.scalar(0.044715)), x)
		return b.unary("Tanh", b.mul(b.add(x, cube), b.scalar(math.Sqrt(2/math.Pi))))
	}
	wide := b.widen(x)
	out := b.narrow(b.mul(b.mul(wide, b.scalar(0.5)), b.add(tanh(b, wide), b.scalar(1))))
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		// d = (1 + t)/2 + x/2 (1 - t^2) c (1 + 3 * 0.044715 x^2).
		x := g.widen(g.Saved(x))
		t := tanh(g.Builder, x)
		inner := g.mul(g.add(g.mul(g.mul(x, x), g.scalar(3*0.044715)), g.scalar(1)), g.scalar(math.Sqrt(2/math.Pi)))
		steep := g.mul(g.mul(x, g.sub(g.scalar(1), g.mul(t, t))), inner)
		return []Value{g.mul(g.mul(g.add(g.add(t, g.scalar(1)), steep), g.scalar(0.5)), g.widen(dy))}
	})
}

// Swish is h * sigmoid(beta h); with a large beta it is a smooth ReLU (the DTL paper's theta). Saves h.
func (b *Builder) Swish(h Value, beta float64) Value {
	b = b.In("swish")
	if kind := b.kernelsOf(b.precision.DataType(), h); kind != "" {
		attributes := map[string]any{"beta": float32(beta)}
		out := b.node(kind+"Swish", h.Shape, attributes, h.Output)
		return b.differentiable(out, []Value{h}, func(g *Gate, dy Value) []Value {
			return []Value{g.node(kind+"SwishGrad", dy.Shape, attributes, g.Saved(h).Output, g.narrow(dy).Output)}
		})
	}
	wide := b.widen(h)
	out := b.mul(wide, b.unary("Sigmoid", b.mul(wide, b.scalar(beta))))
	return b.differentiable(out, []Value{h}, func(g *Gate, dy Value) []Value {
		// d = s + beta h s (1 - s) = s (1 + beta h (1 - s)).
		scaled := g.mul(g.widen(g.Saved(h)), g.scalar(beta))
		s := g.unary("Sigmoid", scaled)
		slope := g.mul(s, g.add(g.mul(scaled, g.sub(g.scalar(1), s)), g.scalar(1)))
		return []Value{g.mul(slope, dy)}
	})
}

// ReLU is max(x, 0). Saves its result.
func (b *Builder) ReLU(x Value) Value {
	out := b.In("relu").unary("Relu", x)
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.node("ReluGrad", dy.Shape, nil, dy.Output, g.Saved(Detach(out)).Output)}
	})
}

// Tanh is the activation of the pre-logits layer that some checkpoints have. Saves its result.
func (b *Builder) Tanh(x Value) Value {
	out := b.In("tanh").unary("Tanh", x)
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		y := g.Saved(Detach(out))
		return []Value{g.mul(dy, g.sub(g.scalar(1), g.mul(y, y)))}
	})
}
