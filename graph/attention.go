package graph

import (
	"math"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// Attention is multi-head self-attention, softmax(q k^T / sqrt(d/heads) + biases) v. q, k, v and the result are
// [B, T, d], with the heads side by side in the last axis. A bias [heads, T, T] is the same for all samples. A bias
// [n, heads, T, T] or [n, 1, T, T] holds those of the n windows of an image: sample i gets entry i mod n. Without biases, q and the
// result may have another number of tokens than k and v.
// Saves q, k and v, split into heads, and the softmax [B, heads, T, T]; with our kernel only q, k and v.
func (b *Builder) Attention(q, k, v Value, heads int, biases ...Value) Value {
	return b.attention(q, k, v, heads, nil, biases)
}

// RotaryAttention is Attention with queries and keys turned by rotary positions (Su et al., "RoFormer", arXiv 2104.09864, equation 16). If q
// has another number of tokens than k, only the keys have positions. It saves what Attention does: the turned queries and keys.
func (b *Builder) RotaryAttention(q, k, v Value, heads int, turns *Turns) Value {
	return b.attention(q, k, v, heads, turns, nil)
}

func (b *Builder) attention(q, k, v Value, heads int, turns *Turns, biases []Value) Value {
	b = b.In("attention")
	width := q.Width() / heads
	if width*heads != q.Width() {
		Fail("a width of %d can't be split into %d heads", q.Width(), heads)
	}
	factor := 1 / math.Sqrt(float64(width))
	if b.fusesAttention(q, k, v, heads) && turns == nil && len(biases) == 0 {
		return b.fusedAttention(q, k, v, heads, factor)
	}
	split := func(b *Builder, x Value) Value { // [B, T, d] -> [B, heads, T, d/heads]
		return b.transpose(b.reshape(x, x.Shape[0], x.Shape[1], heads, width), 0, 2, 1, 3)
	}
	join := func(b *Builder, x Value, shape []int) Value { // [B, heads, T, d/heads] -> [B, T, d]
		return b.reshape(b.transpose(x, 0, 2, 1, 3), shape...)
	}
	joinT := func(b *Builder, x Value) Value { // [B, heads, d/heads, T] -> [B, T, d]
		return b.reshape(b.transpose(x, 0, 3, 1, 2), k.Shape...)
	}
	turnsQ := turns
	if q.Shape[1] != k.Shape[1] {
		turnsQ = nil
	}
	// Scale q, which has fewer values than the scores, unless the softmax kernel scales for free.
	inQ, inSoftmax := factor, 1.0
	if b.hasKernels() && len(biases) == 0 { // biases need scores that are already scaled
		inQ, inSoftmax = 1, factor
	}
	qh, kh, vh := b.Save(b.turn(turnsQ, split(b, q), inQ, false), Costly), b.Save(b.turn(turns, split(b, k), 1, false), Costly), b.Save(split(b, v), Costly)
	scores := b.batchMatmul(qh, kh, false, true)
	for _, bias := range biases {
		scores = b.biased(scores, bias)
	}
	p := b.Save(b.softmax(scores, inSoftmax), Cheap)
	out := join(b, b.batchMatmul(p, vh, false, false), q.Shape)
	return b.differentiable(out, append([]Value{q, k, v}, biases...), func(g *Gate, dy Value) []Value {
		dout := split(g.Builder, dy)
		savedQ, savedK, savedP := g.Saved(qh), g.Saved(kh), g.Saved(p)
		var ds Value
		if q.HasGradient() || k.HasGradient() || slices.ContainsFunc(biases, Value.HasGradient) {
			ds = g.softmaxGradient(savedP, g.batchMatmul(dout, g.Saved(vh), false, true), inSoftmax)
		}
		parts := []part{
			{q, func() Value {
				return join(g.Builder, g.turn(turnsQ, g.batchMatmul(ds, savedK, false, false), inQ, true), q.Shape)
			}},
			{k, func() Value {
				if turns == nil {
					return joinT(g.Builder, g.batchMatmul(savedQ, ds, true, false))
				}
				return join(g.Builder, g.turn(turns, g.batchMatmul(ds, savedQ, true, false), 1, true), k.Shape)
			}},
			{v, func() Value { return joinT(g.Builder, g.batchMatmul(dout, savedP, true, false)) }},
		}
		for _, bias := range biases {
			parts = append(parts, part{bias, func() Value { return g.biasGradient(ds, bias.Shape) }})
		}
		dx := gradients(parts...)
		if q.Shape[1] != k.Shape[1] {
			// The gradients of k and v are large beside the rest, and TensorFlow computes them in an order that differs between
			// processes. If both exist before the layers before them start, the peak of memory does not.
			dx = g.together(dx)
		}
		return dx
	})
}

// together is values each of which exists only once all of them have been computed.
func (b *Builder) together(list []Value) []Value {
	ops := make([]*tf.Operation, len(list))
	for i, v := range list {
		ops[i] = v.Op
	}
	for i, v := range list {
		list[i] = b.After(ops...).node("Identity", v.Shape, nil, v.Output)
	}
	return list
}

// leastFusedHead is the least width of a head for the kernel of attention, which pads heads to 16 values.
const leastFusedHead = 16

// fusesAttention tells whether the kernel of attention takes these values, and pays.
func (b *Builder) fusesAttention(q, k, v Value, heads int) bool {
	return b.attends && q.Width()/heads >= leastFusedHead && b.kernelsOf(tf.Float, q, k, v) == "F32" && slices.Equal(q.Shape, k.Shape)
}

// fusedAttention is attention in one op, whose gradient computes the softmax again. Nothing of size T x T is ever in memory.
func (b *Builder) fusedAttention(q, k, v Value, heads int, factor float64) Value {
	attributes := map[string]any{"scale": float32(factor), "heads": int64(heads)}
	savedQ, savedK, savedV := b.Save(q, Costly), b.Save(k, Costly), b.Save(v, Costly)
	out := b.node("F32Attention", q.Shape, attributes, savedQ.Output, savedK.Output, savedV.Output)
	return b.differentiable(out, []Value{q, k, v}, func(g *Gate, dy Value) []Value {
		op := g.operation("F32AttentionGrad", attributes, g.Saved(savedQ).Output, g.Saved(savedK).Output, g.Saved(savedV).Output, dy.Output)
		grad := func(i int) func() Value { return func() Value { return Value{Output: op.Output(i), Shape: q.Shape} } }
		return gradients(part{q, grad(0)}, part{k, grad(1)}, part{v, grad(2)})
	})
}

// biased adds a bias of any form (see Attention) to scores [B, heads, T, T].
func (b *Builder) biased(scores, bias Value) Value {
	if len(bias.Shape) == 3 {
		return b.add(scores, bias)
	}
	return b.reshape(b.add(b.byWindow(scores, bias.Shape[0]), bias), scores.Shape...)
}

// biasGradient is the gradient of a bias of the given shape, from that of the scores [B, heads, T, T].
func (b *Builder) biasGradient(ds Value, shape []int) Value {
	if len(shape) == 3 {
		return b.reduce("Sum", ds, false, 0)
	}
	return b.sumTo(b.byWindow(ds, shape[0]), shape)
}

// byWindow splits the samples of x [B n, heads, T, T] into images and their n windows: [B, n, heads, T, T].
func (b *Builder) byWindow(x Value, n int) Value {
	images := x.Shape[0]
	if images != Unknown {
		images /= n
	}
	return b.reshape(x, append([]int{images, n}, x.Shape[1:]...)...)
}

// times is x * factor.
func (b *Builder) times(x Value, factor float64) Value {
	if factor == 1 {
		return x
	}
	return b.mul(x, b.scalar(factor))
}

// softmax is the softmax of factor * x [..., T] over the last axis. It computes in float32 and returns the Builder's precision.
func (b *Builder) softmax(x Value, factor float64) Value {
	if b.hasKernels() {
		return b.node("Bf16Softmax", x.Shape, map[string]any{"scale": float32(factor)}, x.Output)
	}
	return b.narrow(b.unary("Softmax", b.times(b.widen(x), factor)))
}

// softmaxGradient is factor * p * (dp - sum(dp * p)): the gradient of x, given p = softmax(factor * x) and its gradient dp.
func (b *Builder) softmaxGradient(p, dp Value, factor float64) Value {
	if kind := b.kernelsOf(b.precision.DataType(), p, dp); kind != "" {
		return b.node(kind+"SoftmaxGrad", p.Shape, map[string]any{"scale": float32(factor)}, p.Output, dp.Output)
	}
	weighted := b.mul(b.widen(dp), p)
	slope := b.sub(weighted, b.mul(b.reduce("Sum", weighted, true, last(p)), p))
	return b.narrow(b.times(slope, factor))
}
