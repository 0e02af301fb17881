package dtl

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// microBatch works on a batch a few images at a time (gradient accumulation): gradients are summed up in variables of their own
// and applied once, so that a step is what it would be on the whole batch, but for the order in which numbers are
// added. It needs the memory of the few images, and one more number for everything that trains.
type microBatch struct {
	parts int
	from  graph.Value // fed: where the part begins in the batch, [3] as SliceSamples takes it
	sums  *graph.Variables
	first []*tf.Operation // put the gradients of the first part into the sums
	more  []*tf.Operation // add those of another
}

func newMicroBatch(b *graph.Builder, parts int) *microBatch {
	return &microBatch{parts: parts, from: b.Placeholder("from", tf.Int32, 3), sums: graph.NewVariables()}
}

// add sums up the gradient of v over the parts, and returns the mean of the sum.
func (m *microBatch) add(b *graph.Builder, v *graph.Variable, gradient graph.Value) graph.Value {
	sum := m.sums.Declare(b, "gradient/"+v.Name, false, v.Shape...)
	m.first = append(m.first, sum.Set(b, gradient))
	m.more = append(m.more, sum.Add(b, gradient))
	return b.Scale(sum.Value, 1/float64(m.parts))
}

// checkMicroBatch wants equal parts: the mean of their means is then the mean of all.
func (c Config) checkMicroBatch() error {
	if n := c.MicroBatch; n < 0 || n > 0 && c.Batch%n != 0 {
		return fmt.Errorf("a batch of %d images can't be divided into parts of %d", c.Batch, n)
	}
	return nil
}

// runParts runs the forward and backward pass of each part, then the update, and returns the mean loss. input gives the
// feeds of the images from..to-1.
func (s *Session) runParts(input []graph.Feed, labels []int32, lr float64, step int) (float64, error) {
	m, n, mean := s.train.micro, s.Config.MicroBatch, 0.0
	for k := range m.parts {
		feeds, err := s.partFeeds(input, labels, step, k*n, (k+1)*n)
		if err != nil {
			return 0, err
		}
		targets := m.more
		if k == 0 {
			targets = m.first
		}
		out, err := s.session.Run(feeds, []tf.Output{s.train.loss.Output}, targets...)
		if err != nil {
			return 0, fmt.Errorf("training step %d, images from %d: %w", step, k*n, err)
		}
		mean += float64(out[0].Float32()[0]) / float64(m.parts)
	}
	if _, err := s.session.Run(s.optimizer.Feeds(lr, step+1), nil, s.train.updates...); err != nil {
		return 0, fmt.Errorf("training step %d: %w", step, err)
	}
	return mean, nil
}

// partFeeds are the feeds of the images from..to-1 of a batch.
func (s *Session) partFeeds(input []graph.Feed, labels []int32, step, from, to int) ([]graph.Feed, error) {
	if len(labels) < to {
		return nil, fmt.Errorf("training step %d: a batch of %d labels, want %d", step, len(labels), s.Config.Batch)
	}
	feeds := append(s.seedFeeds(step), labelFeed(s, labels[from:to]),
		graph.Feed{Output: s.train.micro.from.Output, Value: tensor.Must([]int32{int32(from), 0, 0}, 3)})
	for _, feed := range input {
		part, err := tensor.Part(feed.Value, from, to)
		if err != nil {
			return nil, fmt.Errorf("training step %d: %w", step, err)
		}
		feeds = append(feeds, graph.Feed{Output: feed.Output, Value: part})
	}
	return feeds, nil
}
