package dtl

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// trainPart holds the nodes of the training step.
type trainPart struct {
	images, labels, seed graph.Value
	stored               []graph.Value // inputs instead of images, with Config.Store
	logits, loss         graph.Value
	gradients            map[string]graph.Value // of the mean loss over the batch, or over a micro-batch
	updates              []*tf.Operation
	micro                *microBatch // nil if the batch is processed at once
}

// buildStep adds the loss, the backward pass and the optimizer's updates.
func (m *Model) buildStep(b *graph.Builder, hook backbone.Hook) {
	c, t := m.Config, &m.train
	n := c.Batch
	if c.MicroBatch > 0 && c.MicroBatch < c.Batch {
		n = c.MicroBatch
		t.micro = newMicroBatch(b, c.Batch/n)
	}
	t.labels = b.Placeholder("labels", tf.Int32, n)
	f := &backbone.Forward{Hook: hook}
	if c.DropPath > 0 {
		t.seed = b.Placeholder("seed", tf.Int64, 2)
		f.Survivors = func(b *graph.Builder, block, branch int) graph.Value {
			rate := c.dropRate(block)
			if rate == 0 || (c.DropPathScope == DropPathSuffix && block < m.prefix.blocks) {
				return graph.Value{}
			}
			mask := b.DropPath(t.seed, 2*block+branch+1, c.Batch, rate)
			if t.micro != nil {
				return b.SliceSamples(mask, t.micro.from, n)
			}
			return mask
		}
	}
	if c.Store == "" {
		t.images = m.placeholder(b, n)
		t.logits = m.forward(b, t.images, f)
	} else {
		var given backbone.Given
		t.stored, given = m.prefix.placeholders(b, n, c.Store)
		t.logits = m.resume(b, given, f)
	}
	t.loss = b.CrossEntropy(t.logits, t.labels)

	m.optimizer = graph.NewAdamW(b, c.WeightDecay)
	t.gradients = map[string]graph.Value{}
	trainable := m.Trainable.All()
	leaves := make([]graph.Value, len(trainable))
	for i, v := range trainable {
		leaves[i] = v.Value
	}
	scale := c.Precision.LossScale()
	for i, gradient := range b.Backward(t.loss, lossSlope(b, scale), leaves) {
		if !gradient.Defined() {
			continue // the loss does not depend on it: like PyTorch's AdamW, leave it untouched
		}
		v := trainable[i]
		if scale != 1 {
			gradient = b.Scale(gradient, 1/scale)
		}
		t.gradients[v.Name] = gradient
		if t.micro != nil {
			gradient = t.micro.add(b, v, gradient)
		}
		t.updates = append(t.updates, m.optimizer.Update(b, v, gradient, m.decays(v.Name)))
	}
}

// lossSlope is the gradient at the loss, 1 times the precision's loss scale.
func lossSlope(b *graph.Builder, scale float64) graph.Value {
	if scale == 1 {
		return b.One()
	}
	return b.Scale(b.One(), scale)
}

// dropRate is the stochastic-depth rate of a block: linear, 0 at the first and DropPath at the last.
func (c Config) dropRate(block int) float64 {
	return c.DropPath * float64(block) / float64(max(len(c.Arch.Blocks())-1, 1))
}

// dropsIn tells whether stochastic depth acts on any of the given number of leading blocks.
func (c Config) dropsIn(blocks int) bool {
	return c.DropPathScope != DropPathSuffix && blocks > 0 && c.dropRate(blocks-1) > 0
}
