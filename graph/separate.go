package graph

import tf "github.com/wamuir/graft/tensorflow"

// ForXLA prepares everything built from now on for XLA (SessionOptions.XLA): what a region recomputes is separated from its first
// computation, with which XLA would merge it. Without XLA the graph computes the same, but more slowly: TensorFlow's kernels of the barrier
// compile it when they run.
func (b *Builder) ForXLA() *Builder {
	b.separates = true
	return b
}

// separate returns values and dy, the gradient that recomputing them waits for, through a barrier that XLA's optimisations do not
// look through. Control dependencies, which hold back recomputation otherwise (see Gate.Saved), do not exist in XLA, and it finds
// that the same ops on the same inputs have been computed already. The barrier makes the inputs different ones to XLA, and they depend on
// dy. That only lasts if dy is read through the barrier too: XLA drops the operands of which nothing reads the result.
// jax.checkpoint and tf.recompute_grad do the same.
func (b *Builder) separate(values []Value, dy Value) ([]Value, Value) {
	if !b.separates {
		return values, dy
	}
	list := make(tf.OutputList, 0, len(values)+1)
	for _, v := range values {
		list = append(list, v.Output)
	}
	barrier := b.operation("XlaOptimizationBarrier", nil, append(list, dy.Output))
	apart := make([]Value, len(values))
	for i, v := range values {
		apart[i] = Value{Output: barrier.Output(i), Shape: v.Shape, tape: v.tape}
	}
	dy.Output = barrier.Output(len(values))
	return apart, dy
}
