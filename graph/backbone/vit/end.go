package vit

import (
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// End implements backbone.ShortEnd.
func (a Architecture) End(pool backbone.Pool) backbone.End {
	switch {
	case pool == backbone.PoolMean && !a.NormedMean:
		return backbone.MeanEnd
	case pool == backbone.PoolClass, pool == backbone.PoolDistilled:
		return backbone.TokenEnd
	}
	return backbone.WholeEnd
}

// firstTokens is the number of tokens that a pool with TokenEnd reads.
func firstTokens(pool backbone.Pool) int {
	if pool == backbone.PoolDistilled {
		return 2
	}
	return 1
}

// BlockEnd implements backbone.ShortEnd.
func (a Architecture) BlockEnd(f *backbone.Forward, b *graph.Builder, block backbone.Block, x graph.Value, pool backbone.Pool, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	v := layers{f, block, a}
	if a.End(pool) == backbone.TokenEnd {
		return v.block(b, x, firstTokens(pool), drop)
	}
	return v.blockMean(b, x, drop)
}

// blockMean is the mean over the patch tokens of the block's output: mean(z) + fc2(mean(hidden)).
func (v layers) blockMean(b *graph.Builder, x graph.Value, drop func(branch graph.Value, which int) graph.Value) graph.Value {
	z := v.mixed(b, x, x.Shape[1], drop)
	from := z.Shape[1] - v.Patches()
	inner := b.In("mlp")
	hidden := inner.MeanOperand(inner.Reshape(v.hidden(inner, z), z.Shape[0], z.Shape[1], v.MLP), from)
	branch := v.scaled(inner, scaleMLP, v.linear(inner.In("fc2"), denseOut, hidden, v.MLP, v.Width))
	asToken := func(b *graph.Builder, mean graph.Value) graph.Value { return b.Reshape(mean, z.Shape[0], 1, v.Width) }
	return b.Add(asToken(b, b.MeanTokens(z, from)), drop(asToken(inner, branch), 1))
}

// PooledEnd implements backbone.ShortEnd.
func (a Architecture) PooledEnd(f *backbone.Forward, b *graph.Builder, x graph.Value, pool backbone.Pool) graph.Value {
	if a.End(pool) == backbone.TokenEnd {
		return a.Pooled(f, b, x, pool)
	}
	return a.finalNorm(f, b, b.Reshape(x, x.Shape[0], a.Width))
}
