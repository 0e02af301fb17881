package dtl

// OptimizerElements counts the numbers that the optimizer keeps between steps: two moments for everything that
// trains and that the loss depends on. 0 for a model without a training step.
func (m *Model) OptimizerElements() int {
	if m.optimizer == nil {
		return 0
	}
	return m.optimizer.State.Elements()
}
