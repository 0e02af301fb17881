package dtl

import "dtl-tf/graph"

// OptimizerElements counts the numbers that the optimizer keeps between steps: two moments for everything that
// trains and that the loss depends on. 0 for a model without a training step.
func (m *Model) OptimizerElements() int {
	if m.optimizer == nil {
		return 0
	}
	return m.optimizer.State.Elements()
}

// FixedBytes is what stays in memory between steps: the weights, trained or not, in the precision that they are held in,
// and the optimizer's state, which is float32.
func (m *Model) FixedBytes() (weights, optimizer int64) {
	return m.Frozen.Bytes() + m.Trainable.Bytes(), int64(graph.FP32.Bytes() * m.OptimizerElements())
}
