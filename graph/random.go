package graph

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// DropPath draws the survivors of stochastic depth, independently for each sample, as a mask [B, 1, 1] with values 0
// and 1/(1-rate) (Huang et al. 2016; timm's drop_path). seed [2] (int64) is fed at each step; stream differs between the
// branches of a step. The same seed always gives the same mask, whatever ran before.
func (b *Builder) DropPath(seed Value, stream int, batch int, rate float64) Value {
	b = b.In("droppath")
	own := b.add(seed, b.root().Constant(tensor.Must([]int64{0, int64(stream) << 40}, 2)))
	uniform := b.node("StatelessRandomUniform", []int{batch, 1, 1}, map[string]any{"dtype": tf.Float},
		b.ints(batch, 1, 1).Output, own.Output)
	survival := 1 - rate
	survives := b.unary("Floor", b.add(uniform, b.scalar(survival)))
	return b.mul(survives, b.scalar(1/survival))
}

// SliceSamples is n samples of x [B, 1, 1]: [n, 1, 1]. begin [3] is fed: the index of the first sample and two zeros. It has
// no gradient.
func (b *Builder) SliceSamples(x, begin Value, n int) Value {
	return b.In("samples").node("Slice", []int{n, 1, 1}, nil, x.Output, begin.Output, b.ints(n, 1, 1).Output)
}
