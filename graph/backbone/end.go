package backbone

import "dtl-tf/graph"

// End is what the features depend on of all that the last block gives.
type End int

const (
	// WholeEnd is all tokens.
	WholeEnd End = iota
	// MeanEnd is the mean of the patch tokens. The block ends with a linear layer, which gives the mean for the mean of its inputs: a
	// product with one token in place of T.
	MeanEnd
	// TokenEnd is the first tokens, such as the class token. Only attention mixes tokens, so all other tokens end with their keys and values.
	TokenEnd
)

// Skips tells whether the hook is not called at a tap of the last block.
func (e End) Skips(p Point) bool {
	switch e {
	case MeanEnd:
		return p >= FC2 && p <= BlockOutput
	case TokenEnd:
		return p == BlockOutput
	}
	return false
}

// Shortens tells whether the hook gets fewer than all tokens at a tap of the last block.
func (e End) Shortens(p Point) bool { return e == TokenEnd && p >= Projection && p <= OwnBranch }

// EndOf tells what the features of an architecture depend on under a pool.
func EndOf(a Architecture, pool Pool) End {
	if short, ok := a.(ShortEnd); ok {
		return short.End(pool)
	}
	return WholeEnd
}

// ending is the end of a pass whose last block computes only what its features depend on.
type ending struct {
	ShortEnd
	pool Pool
}

// ending is nil if the last block computes all tokens.
func (f *Forward) ending(pool Pool) *ending {
	if short, ok := f.Arch.(ShortEnd); ok && f.ShortEnd && short.End(pool) != WholeEnd {
		return &ending{short, pool}
	}
	return nil
}

// part is the part of y [B, T, d], an addend of the block's output, that belongs to z, which BlockEnd gave.
func (e *ending) part(b *graph.Builder, block Block, y, z graph.Value) graph.Value {
	if e.End(e.pool) == MeanEnd {
		return b.Reshape(b.MeanTokens(y, y.Shape[1]-block.Patches()), z.Shape...)
	}
	return b.SliceTokens(y, 0, z.Shape[1])
}
