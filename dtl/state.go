package dtl

import "dtl-tf/graph"

// OptimizerElements counts the values of the optimizer's state: two moments for each trainable parameter that the loss depends
// on. It is 0 for a model without a training step.
func (m *Model) OptimizerElements() int {
	if m.optimizer == nil {
		return 0
	}
	return m.optimizer.State.Elements()
}

// FixedBytes returns the bytes that stay allocated between steps: the weights, trainable and frozen, in the precision they are
// stored in, and the optimizer's state in float32.
func (m *Model) FixedBytes() (weights, optimizer int64) {
	return m.Frozen.Bytes() + m.Trainable.Bytes(), int64(graph.FP32.Bytes() * m.OptimizerElements())
}
