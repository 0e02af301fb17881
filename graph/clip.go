package graph

// clipEpsilon is added to the norm, as torch.nn.utils.clip_grad_norm_ does.
const clipEpsilon = 1e-6

// ClipByGlobalNorm scales gradients so that the norm of all their elements together is at most limit: by limit / (norm + 1e-6), and by
// nothing if that is above 1, as torch.nn.utils.clip_grad_norm_ does.
func (b *Builder) ClipByGlobalNorm(gradients []Value, limit float64) []Value {
	b = b.In("clip")
	var half Value // of the sum of squares
	for i, g := range gradients {
		if one := b.node("L2Loss", nil, nil, g.Output); i == 0 {
			half = one
		} else {
			half = b.add(half, one)
		}
	}
	norm := b.unary("Sqrt", b.times(half, 2))
	factor := b.binary("Minimum", b.binary("RealDiv", b.scalar(limit), b.add(norm, b.scalar(clipEpsilon))), b.scalar(1))
	clipped := make([]Value, len(gradients))
	for i, g := range gradients {
		clipped[i] = b.mul(g, factor)
	}
	return clipped
}
