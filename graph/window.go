package graph

import (
	"slices"

	"dtl-tf/graph/tensor"
)

// PermuteTokens is the tokens of x [B, T, d] in another order: token i of the result is token order[i] of x. order must be a
// permutation. A cyclic shift and a partition into windows are one permutation, and so is their inverse. Saves nothing.
func (b *Builder) PermuteTokens(x Value, order []int) Value {
	if slices.IsSorted(order) {
		return x
	}
	return b.differentiable(b.In("permute").gather(x, 1, order), []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.gather(dy, 1, Inverse(order))}
	})
}

// Inverse is the permutation that undoes order.
func Inverse(order []int) []int {
	back := make([]int, len(order))
	for i, from := range order {
		back[from] = i
	}
	return back
}

// RepeatSamples is x [B, T, d] with each sample n times in a row: [B n, T, d]. Saves nothing.
func (b *Builder) RepeatSamples(x Value, n int) Value {
	out := b.In("repeat").repeatSamples(x, n)
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value { return []Value{g.overGroups("Sum", dy, n)} })
}

// MeanSamples averages each n consecutive samples of x [B n, T, d]: [B, T, d]. Saves nothing.
func (b *Builder) MeanSamples(x Value, n int) Value {
	out := b.In("mean").overGroups("Mean", x, n)
	return b.differentiable(out, []Value{x}, func(g *Gate, dy Value) []Value {
		return []Value{g.mul(g.repeatSamples(dy, n), g.scalar(1/float64(n)))}
	})
}

func (b *Builder) repeatSamples(x Value, n int) Value {
	samples, tokens, d := x.Shape[0], x.Shape[1], x.Width()
	tiled := b.node("Tile", []int{samples, n, tokens, d}, nil, b.reshape(x, samples, 1, tokens, d).Output, b.ints(1, n, 1, 1).Output)
	return b.reshape(tiled, Times(samples, n), tokens, d)
}

// overGroups reduces each n consecutive samples of x [B n, T, d] to one.
func (b *Builder) overGroups(kind string, x Value, n int) Value {
	samples := x.Shape[0]
	if samples != Unknown {
		samples /= n
	}
	return b.reduce(kind, b.reshape(x, samples, n, x.Shape[1], x.Width()), false, 1)
}

// Times is a dimension n times as large. It stays Unknown.
func Times(dimension, n int) int {
	if dimension == Unknown {
		return Unknown
	}
	return dimension * n
}

// RelativeBias makes the bias of attention scores from a table [entries, heads]: element [h, i, j] is table[index[i T + j], h]
// (Liu et al., "Swin Transformer", ICCV 2021, equation 4). extra tokens that precede the T tokens get a bias of zero, so the
// result is [heads, extra + T, extra + T]. masks, if not nil, holds the masks [T, T] of n windows, which are added: the result is
// then [n, heads, extra + T, extra + T], as Attention takes it. Saves nothing.
func (b *Builder) RelativeBias(table Value, index []int, masks []float32, extra int) Value {
	b = b.In("relative_bias")
	entries, heads := table.Shape[0], table.Shape[1]
	tokens := side(len(index))
	all := tokens + extra
	bias := b.transpose(b.reshape(b.gather(table, 0, index), tokens, tokens, heads), 2, 0, 1)
	if extra > 0 {
		pads := b.reshape(b.ints(0, 0, extra, 0, extra, 0), 3, 2)
		bias = b.node("Pad", []int{heads, all, all}, nil, bias.Output, pads.Output)
	}
	if masks != nil {
		n := len(masks) / len(index)
		mask := tensor.Zeros(n, 1, all, all)
		for i, v := range masks {
			window, row, column := i/len(index), i%len(index)/tokens, i%tokens
			mask.Float32()[(window*all+extra+row)*all+extra+column] = v
		}
		bias = b.add(b.Constant(mask), b.reshape(bias, 1, heads, all, all))
	}
	return b.differentiable(bias, []Value{table}, func(g *Gate, dy Value) []Value {
		if masks != nil {
			dy = g.reduce("Sum", dy, false, 0)
		}
		dy = g.slice(g.slice(dy, 1, extra, all), 2, extra, all)
		rows := g.reshape(g.transpose(dy, 1, 2, 0), len(index), heads)
		return []Value{g.node("UnsortedSegmentSum", table.Shape, nil, rows.Output, g.ints(index...).Output, g.Constant(tensor.Scalar(int32(entries))).Output)}
	})
}

// side is the integer root of n.
func side(n int) int {
	root := 0
	for root*root < n {
		root++
	}
	return root
}
