package dtl

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// towerStep is a tower's part of a training step: its inputs, and its forward pass to the mean loss of its samples.
type towerStep struct {
	share        span          // its samples among those that the step, or a micro-batch, processes at a time
	inputs       []graph.Value // images, or the stored values
	labels       graph.Value   // labels [n], or targets [n, classes]
	weights      graph.Value   // [n], with Training.SampleWeights
	seed         graph.Value   // of stochastic depth, if there is any
	from         graph.Value   // the tower's first sample in the batch, [3] as SliceSamples takes it, if the tower has a part of the batch
	logits, loss graph.Value
}

// buildTower adds the forward pass of a share of the samples. Random numbers are drawn for the whole batch on every device, so they
// depend neither on the number of devices nor on micro-batches.
func (m *Model) buildTower(t Training, in input, share span, micro bool) *towerStep {
	b, n := m.builder.In("train"), share.samples()
	p := &towerStep{share: share}
	if t.SoftTargets {
		p.labels = b.Placeholder("targets", tf.Float, n, m.Config.Classes)
	} else {
		p.labels = b.Placeholder("labels", tf.Int32, n)
	}
	if t.SampleWeights {
		p.weights = b.Placeholder("weights", tf.Float, n)
	}
	f := m.hooked()
	if t.DropPath > 0 {
		p.seed = b.Placeholder("seed", tf.Int64, 2)
		if micro || n < t.Batch {
			p.from = b.Placeholder("from", tf.Int32, 3)
		}
		f.Survivors = func(b *graph.Builder, block, branch int) graph.Value {
			rate, stream := m.dropRate(t, block), 2*block+branch+1
			if branch == backbone.MethodBranch {
				rate, stream = m.ownDropRate(t), 2*len(m.Config.Arch.Blocks())+block+1
			}
			if rate == 0 || (t.DropPathScope == DropPathSuffix && block < m.prefix.blocks) {
				return graph.Value{}
			}
			mask := b.DropPath(p.seed, stream, t.Batch, rate)
			if p.from.Defined() {
				return b.SliceSamples(mask, p.from, n)
			}
			return mask
		}
	}
	p.inputs, p.logits = in(b, n, f)
	switch {
	case t.Loss == BinaryCrossEntropy:
		p.loss = b.SigmoidCrossEntropy(p.logits, p.labels)
	case t.SoftTargets:
		p.loss = b.SoftCrossEntropy(p.logits, p.labels, p.weights)
	default:
		p.loss = b.CrossEntropy(p.logits, p.labels, p.weights)
	}
	return p
}

// sampleFeeds feeds every tower its samples of those that are processed at a time. first is the index of the first of these in the
// batch.
func (t *Trainer) sampleFeeds(all batch, step, first int) ([]graph.Feed, error) {
	var feeds []graph.Feed
	for _, p := range t.nodes.parts {
		own, err := p.feeds(all, first)
		if err != nil {
			return nil, fmt.Errorf("training step %d: %w", step, err)
		}
		feeds = append(feeds, own...)
		if p.seed.Defined() {
			feeds = append(feeds, graph.Feed{Output: p.seed.Output, Value: tensor.Must([]int64{int64(t.seed), int64(step)}, 2)})
		}
	}
	return feeds, nil
}

// feeds are those that depend on the samples.
func (p *towerStep) feeds(all batch, first int) ([]graph.Feed, error) {
	from := first + p.share.from
	inputs, values := append([]graph.Value{p.labels}, p.inputs...), append([]tensor.Tensor{all.labels}, all.values...)
	if p.weights.Defined() {
		inputs, values = append(inputs, p.weights), append(values, all.weights)
	}
	var feeds []graph.Feed
	for i, v := range values {
		part, err := tensor.Part(v, from, from+p.share.samples())
		if err != nil {
			return nil, err
		}
		feeds = append(feeds, graph.Feed{Output: inputs[i].Output, Value: part})
	}
	if p.from.Defined() {
		feeds = append(feeds, graph.Feed{Output: p.from.Output, Value: tensor.Must([]int32{int32(from), 0, 0}, 3)})
	}
	return feeds, nil
}
