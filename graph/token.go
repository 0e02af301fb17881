package graph

import (
	"math"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// SliceTokens is the tokens from..to-1 of x [B, T, d]. Saves nothing.
func (b *Builder) SliceTokens(x Value, from, to int) Value {
	if from == 0 && to == x.Shape[1] {
		return x
	}
	out := b.In("slice").slice(x, 1, from, to)
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.padTokens(dy, from, x.Shape[1]-to)}
	})
}

// padTokens adds zero tokens before and after those of x [B, T, d].
func (b *Builder) padTokens(x Value, before, after int) Value {
	pads := b.reshape(b.ints(0, 0, before, after, 0, 0), 3, 2)
	shape := slices.Clone(x.Shape)
	shape[1] += before + after
	return b.node("Pad", shape, nil, x.Output, pads.Output)
}

// ConcatTokens joins values [B, T_i, d] along the token axis. Saves nothing.
func (b *Builder) ConcatTokens(parts ...Value) Value { return b.join(1, parts) }

// ConcatLast joins values [..., d_i] along the last axis. Saves nothing.
func (b *Builder) ConcatLast(parts ...Value) Value { return b.join(last(parts[0]), parts) }

func (b *Builder) join(axis int, parts []Value) Value {
	out := b.In("concat").concat(axis, parts...)
	return b.differentiable(out, parts, func(g *Gate, dy Value) (dx []Value) {
		at := 0
		for _, p := range parts {
			if p.HasGradient() {
				dx = append(dx, g.slice(dy, axis, at, at+p.Shape[axis]))
			}
			at += p.Shape[axis]
		}
		return dx
	})
}

// MeanTokens averages the tokens of x [B, T, d] from index from on: [B, d]. It is a product with a vector of weights, so it
// needs no slice of the tokens, nor a broadcast and padding of the gradient. Saves nothing.
func (b *Builder) MeanTokens(x Value, from int) Value {
	return b.In("mean").weightedTokens(x, from, tf.Float, 1/float64(x.Shape[1]-from))
}

// MeanOperand is MeanTokens for the operand of a product. It reads x in its own type, so x needs no cast, and rounds the mean to that type.
func (b *Builder) MeanOperand(x Value, from int) Value {
	b = b.In("mean")
	n := float64(x.Shape[1] - from)
	if x.DataType() == tf.Float {
		return b.weightedTokens(x, from, tf.Float, 1/n)
	}
	power := math.Exp2(-math.Ceil(math.Log2(n))) // exact in every type
	return b.Scale(b.Float(b.weightedTokens(x, from, x.DataType(), power)), 1/(n*power))
}

// weightedTokens is the sum of the tokens of x [B, T, d] from index from on, times weight, as a product in the given type: [B, d].
func (b *Builder) weightedTokens(x Value, from int, dtype tf.DataType, weight float64) Value {
	tokens, d := x.Shape[1], x.Width()
	values := tensor.Zeros(1, 1, tokens)
	for t := from; t < tokens; t++ {
		values.Float32()[t] = float32(weight)
	}
	weights := b.cast(b.Constant(values), dtype)
	sum := b.node("BatchMatMulV2", []int{x.Shape[0], 1, d}, nil, weights.Output, b.cast(x, dtype).Output)
	return b.differentiable(b.reshape(sum, x.Shape[0], d), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.mul(g.reshape(dy, dy.Shape[0], 1, d), g.reshape(weights, 1, tokens, 1))}
	})
}

// Token is one token of x [B, T, d] as [B, d]. Saves nothing.
func (b *Builder) Token(x Value, at int) Value {
	return b.Reshape(b.SliceTokens(x, at, at+1), x.Shape[0], x.Width())
}

// Repeat tiles x [1, T, d] to [B, T, d], with the B of batchOf [B, ...]. Saves nothing.
func (b *Builder) Repeat(x, batchOf Value) Value {
	b = b.In("repeat")
	batch := b.slice(b.node("Shape", []int{len(batchOf.Shape)}, nil, batchOf.Output), 0, 0, 1)
	times := b.concat(0, batch, b.ints(1, 1))
	out := b.node("Tile", []int{batchOf.Shape[0], x.Shape[1], x.Shape[2]}, nil, x.Output, times.Output)
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.reduce("Sum", dy, true, 0)}
	})
}

// Reshape is x in another shape. One dimension may be Unknown. Saves nothing.
func (b *Builder) Reshape(x Value, shape ...int) Value {
	return b.differentiable(b.In("reshape").reshape(x, shape...), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.reshape(dy, x.Shape...)}
	})
}

// Rows is x [..., d] as a matrix [n, d], the form in which Grappler fuses element-wise layers with linear ones.
func (b *Builder) Rows(x Value) Value { return b.Reshape(x, leading(x.Shape), x.Width()) }
