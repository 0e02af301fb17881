package graph

import (
	"math"

	tf "github.com/wamuir/graft/tensorflow"
)

// Attention is multi-head self-attention, softmax(q k^T / sqrt(d/heads)) v, with q, k, v and the result
// [B, T, d], heads side by side in the last axis. Keeps q / sqrt(d/heads), k and v by head and the softmax [B, heads, T, T].
func (b *Builder) Attention(q, k, v Value, heads int) Value {
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
	qh, kh, vh := b.Keep(b.mul(split(b, q), b.scalar(factor)), Costly), b.Keep(split(b, k), Costly), b.Keep(split(b, v), Fair)
	p := b.Keep(b.softmax(b.batchMatmul(qh, kh, false, true)), Cheap)
	out := join(b, b.batchMatmul(p, vh, false, false))
	return b.differentiable(out, []Value{q, k, v}, func(g *Gate, dy Value) (dx []Value) {
		dout := split(g.Builder, dy)
		keptQ, keptK, keptP := g.Kept(qh), g.Kept(kh), g.Kept(p)
		if q.HasGradient() || k.HasGradient() {
			ds := g.softmaxGradient(keptP, g.batchMatmul(dout, g.Kept(vh), false, true))
			if q.HasGradient() {
				dx = append(dx, join(g.Builder, g.mul(g.batchMatmul(ds, keptK, false, false), g.scalar(factor))))
			}
			if k.HasGradient() {
				dx = append(dx, joinT(g.Builder, g.batchMatmul(keptQ, ds, true, false)))
			}
		}
		if v.HasGradient() {
			dx = append(dx, joinT(g.Builder, g.batchMatmul(dout, keptP, true, false)))
		}
		return dx
	})
}

// softmax of x [..., T] over the last axis in float32, given on in the precision of products.
func (b *Builder) softmax(x Value) Value {
	if b.fused(x, tf.Bfloat16) {
		return b.unary("Bf16Softmax", x)
	}
	return b.low(b.unary("Softmax", b.full(x)))
}

// softmaxGradient is p * (dp - sum(dp * p)), the gradient of what p is the softmax of.
func (b *Builder) softmaxGradient(p, dp Value) Value {
	if b.fused(p, tf.Bfloat16) {
		return b.node("Bf16SoftmaxGrad", p.Shape, nil, p.Output, dp.Output)
	}
	weighted := b.mul(b.full(dp), p)
	return b.low(b.sub(weighted, b.mul(b.reduce("Sum", weighted, true, last(p)), p)))
}
