package graph

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// DropPath gives the survivors of stochastic depth as a mask [B, 1, 1] with values 0 and 1/(1-rate), each
// sample on its own (Huang et al. 2016; timm's drop_path). seed [2] (int64) is fed at each step; stream tells the
// branches of one step apart. The same seed gives the same mask whatever ran before.
func (b *Builder) DropPath(seed Value, stream int, batch int, rate float64) Value {
	b = b.In("droppath")
	own := b.add(seed, b.root().Constant(tensor.Must([]int64{0, int64(stream) << 40}, 2)))
	uniform := b.node("StatelessRandomUniform", []int{batch, 1, 1}, map[string]any{"dtype": tf.Float},
		b.ints(batch, 1, 1).Output, own.Output)
	keep := 1 - rate
	survives := b.unary("Floor", b.add(uniform, b.scalar(keep)))
	return b.mul(survives, b.scalar(1/keep))
}

// SliceSamples is n samples of x [B, 1, 1] from the place that is fed as begin [3], the number of the first one and two
// zeros: [n, 1, 1]. It has no gradient.
func (b *Builder) SliceSamples(x, begin Value, n int) Value {
	return b.In("samples").node("Slice", []int{n, 1, 1}, nil, x.Output, begin.Output, b.ints(n, 1, 1).Output)
}
