package dtl

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
)

// microBatch is gradient accumulation: it runs a step in micro-batches, sums their gradients in variables, the accumulators,
// and applies them once. The result is that of the whole batch up to the order of additions. It needs the memory of one
// micro-batch, plus one value for each trainable parameter.
type microBatch struct {
	count        int // micro-batches of a batch
	accumulators *graph.Variables
	assign       []*tf.Operation // the first micro-batch's gradients overwrite the accumulators
	accumulate   []*tf.Operation // the others' are added
}

// add accumulates the gradient of v over the micro-batches and returns their mean, which b computes. change builds what changes the
// accumulator.
func (m *microBatch) add(change *graph.Builder, v *graph.Variable, gradient graph.Value, b *graph.Builder) graph.Value {
	sum := m.accumulators.Declare(b, "gradient/"+v.Name, false, v.Shape...)
	m.assign = append(m.assign, sum.Set(change, gradient))
	m.accumulate = append(m.accumulate, sum.Add(change, gradient))
	return b.Scale(sum.Value, 1/float64(m.count))
}

// runMicroBatches runs the forward and backward pass of each micro-batch, then one update, and returns the mean loss.
func (t *Trainer) runMicroBatches(all batch, lr float64, step int) (float64, error) {
	m, n, mean := t.nodes.micro, t.training.MicroBatch, 0.0
	for k := range m.count {
		feeds, err := t.sampleFeeds(all, step, k*n)
		if err != nil {
			return 0, err
		}
		targets := m.accumulate
		if k == 0 {
			targets = m.assign
		}
		out, err := t.session.Run(feeds, []tf.Output{t.nodes.loss.Output}, targets...)
		if err != nil {
			return 0, fmt.Errorf("training step %d, images from %d: %w", step, k*n, err)
		}
		mean += float64(out[0].Float32()[0]) / float64(m.count)
	}
	if _, err := t.session.Run(t.nodes.optimizer.Feeds(lr, step+1), nil, t.nodes.updates...); err != nil {
		return 0, fmt.Errorf("training step %d: %w", step, err)
	}
	return mean, nil
}
