package graph

import (
	"math"
	"slices"
)

// Attention is multi-head self-attention, softmax(q k^T / sqrt(d/heads) + biases) v, with q, k, v and the result
// [B, T, d], heads side by side in the last axis. A bias is [heads, T, T], the same for all samples, or [n, 1, T, T], of which
// sample i gets number i mod n, such as the masks of n windows of one image; the latter has no gradient. Keeps q, k and v by head
// and the softmax [B, heads, T, T].
func (b *Builder) Attention(q, k, v Value, heads int, biases ...Value) Value {
	b = b.In("attention")
	shape := q.Shape
	width := q.Width() / heads
	if width*heads != q.Width() {
		Fail("a width of %d can't be split into %d heads", q.Width(), heads)
	}
	factor := 1 / math.Sqrt(float64(width))
	split := func(b *Builder, x Value) Value { // [B, T, d] -> [B, heads, T, d/heads]
		return b.transpose(b.reshape(x, shape[0], shape[1], heads, width), 0, 2, 1, 3)
	}
	join := func(b *Builder, x Value) Value { // and back
		return b.reshape(b.transpose(x, 0, 2, 1, 3), shape...)
	}
	joinT := func(b *Builder, x Value) Value { // [B, heads, d/heads, T] -> [B, T, d]
		return b.reshape(b.transpose(x, 0, 3, 1, 2), shape...)
	}
	// The scores are scaled where that costs nothing, in the kernel, or else where they are fewest, in q.
	inQ, inSoftmax := factor, 1.0
	if b.hasKernels() && len(biases) == 0 { // a bias is added to scores that are scaled already
		inQ, inSoftmax = 1, factor
	}
	qh, kh, vh := b.Keep(b.times(split(b, q), inQ), Costly), b.Keep(split(b, k), Costly), b.Keep(split(b, v), Costly)
	scores := b.batchMatmul(qh, kh, false, true)
	for _, bias := range biases {
		scores = b.biased(scores, bias)
	}
	p := b.Keep(b.softmax(scores, inSoftmax), Cheap)
	out := join(b, b.batchMatmul(p, vh, false, false))
	return b.differentiable(out, append([]Value{q, k, v}, biases...), func(g *Gate, dy Value) (dx []Value) {
		dout := split(g.Builder, dy)
		keptQ, keptK, keptP := g.Kept(qh), g.Kept(kh), g.Kept(p)
		var ds Value
		if q.HasGradient() || k.HasGradient() || slices.ContainsFunc(biases, Value.HasGradient) {
			ds = g.softmaxGradient(keptP, g.batchMatmul(dout, g.Kept(vh), false, true), inSoftmax)
		}
		if q.HasGradient() {
			dx = append(dx, join(g.Builder, g.times(g.batchMatmul(ds, keptK, false, false), inQ)))
		}
		if k.HasGradient() {
			dx = append(dx, joinT(g.Builder, g.batchMatmul(keptQ, ds, true, false)))
		}
		if v.HasGradient() {
			dx = append(dx, joinT(g.Builder, g.batchMatmul(dout, keptP, true, false)))
		}
		for _, bias := range biases {
			if bias.HasGradient() {
				dx = append(dx, g.reduce("Sum", ds, false, 0))
			}
		}
		return dx
	})
}

// biased adds a bias to scores [B, heads, T, T] as Attention describes it.
func (b *Builder) biased(scores, bias Value) Value {
	if len(bias.Shape) == 3 {
		return b.add(scores, bias)
	}
	if bias.HasGradient() {
		Fail("a bias of shape %v takes no gradient", bias.Shape)
	}
	n, shape := bias.Shape[0], scores.Shape
	groups := shape[0]
	if groups != Unknown {
		groups /= n
	}
	grouped := b.reshape(scores, groups, n, shape[1], shape[2], shape[3])
	return b.reshape(b.add(grouped, bias), shape...)
}

// times is x * factor.
func (b *Builder) times(x Value, factor float64) Value {
	if factor == 1 {
		return x
	}
	return b.mul(x, b.scalar(factor))
}

// softmax of factor * x [..., T] over the last axis, in float32 and given on in the precision of products.
func (b *Builder) softmax(x Value, factor float64) Value {
	if b.hasKernels() {
		return b.node("Bf16Softmax", x.Shape, map[string]any{"scale": float32(factor)}, x.Output)
	}
	return b.low(b.unary("Softmax", b.times(b.full(x), factor)))
}

// softmaxGradient is factor * p * (dp - sum(dp * p)), the gradient of x of which p is the softmax.
func (b *Builder) softmaxGradient(p, dp Value, factor float64) Value {
	if b.hasKernels() {
		return b.node("Bf16SoftmaxGrad", p.Shape, map[string]any{"scale": float32(factor)}, p.Output, dp.Output)
	}
	weighted := b.mul(b.full(dp), p)
	slope := b.sub(weighted, b.mul(b.reduce("Sum", weighted, true, last(p)), p))
	return b.low(b.times(slope, factor))
}
