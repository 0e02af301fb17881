package graph

import "math"

// Attention is multi-head self-attention, softmax(q k^T / sqrt(d/heads)) v, with q, k, v and the result
// [B, T, d], heads side by side in the last axis. Keeps q, k, v by head and the softmax [B, heads, T, T].
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
	weights := func(b *Builder, q, k Value) Value { // [B, heads, T, T]
		scores := b.batchMatmul(b.mul(q, b.scalar(factor)), k, false, true)
		return b.low(b.unary("Softmax", b.full(scores)))
	}
	qh, kh, vh := b.Keep(split(b, q), Costly), b.Keep(split(b, k), Costly), b.Keep(split(b, v), Fair)
	p := b.Keep(weights(b, qh, kh), Cheap)
	out := join(b, b.batchMatmul(p, vh, false, false))
	return b.differentiable(out, []Value{q, k, v}, func(g *Gate, dy Value) (dx []Value) {
		dout := split(g.Builder, dy)
		keptQ, keptK, keptP := g.Kept(qh), g.Kept(kh), g.Kept(p)
		if q.HasGradient() || k.HasGradient() {
			// ds = p * (dp - sum(dp * p)) with dp = dout v^T.
			dp := g.full(g.batchMatmul(dout, g.Kept(vh), false, true))
			weighted := g.mul(dp, keptP)
			total := g.reduce("Sum", weighted, true, 3)
			ds := g.low(g.sub(weighted, g.mul(total, keptP)))
			if q.HasGradient() {
				dx = append(dx, join(g.Builder, g.mul(g.batchMatmul(ds, keptK, false, false), g.scalar(factor))))
			}
			if k.HasGradient() {
				dx = append(dx, join(g.Builder, g.mul(g.batchMatmul(ds, keptQ, true, false), g.scalar(factor))))
			}
		}
		if v.HasGradient() {
			dx = append(dx, join(g.Builder, g.batchMatmul(keptP, dout, true, false)))
		}
		return dx
	})
}
