package dtl

import (
	"errors"
	"fmt"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// Training describes a training step.
type Training struct {
	Batch       int     // images of a step
	MicroBatch  int     // images processed at a time within a step, a divisor of Batch; 0 for all
	DropPath    float64 // stochastic-depth rate of the last block, linear from 0 at the first
	WeightDecay float64
	// DropPathScope is the set of blocks that stochastic depth acts on; "" is DropPathAll.
	DropPathScope DropPathScope
	// SoftTargets makes a step take probabilities [B, classes] in the place of labels: see StepSoft.
	SoftTargets bool
	// SampleWeights makes a step take a weight for each image: see Targets.
	SampleWeights bool
	Loss          Loss
	// ClipGrad limits the norm of all gradients together, as torch.nn.utils.clip_grad_norm_ does; 0 does not. With micro-batches the
	// gradients are those of the batch.
	ClipGrad float64
	// Average is the decay of exponential moving averages of what trains, which start at the initial values: see
	// Trainer.ReadAverage. 0 keeps none.
	Average float64
}

// Loss is what training minimises.
type Loss string

const (
	// CrossEntropy is that of the softmax: an image has one class.
	CrossEntropy Loss = "ce"
	// BinaryCrossEntropy is that of a sigmoid for each class, the mean over images and classes: an image has any number of classes.
	// Its targets are soft.
	BinaryCrossEntropy Loss = "bce"
)

// DropPathScope selects the blocks that stochastic depth acts on.
type DropPathScope string

const (
	// DropPathAll is all blocks, as in the paper.
	DropPathAll DropPathScope = "all"
	// DropPathSuffix is the blocks after the prefix (see Model.Stored), at the same rates as with DropPathAll.
	DropPathSuffix DropPathScope = "suffix"
)

// check requires micro-batches of equal size, so that the mean of their mean losses is the mean over the batch.
func (t Training) check() error {
	if t.Batch < 1 {
		return fmt.Errorf("a training step on %d images is not possible", t.Batch)
	}
	if n := t.MicroBatch; n < 0 || n > 0 && t.Batch%n != 0 {
		return fmt.Errorf("a batch of %d images can't be divided into parts of %d", t.Batch, n)
	}
	if t.Loss == BinaryCrossEntropy && (!t.SoftTargets || t.SampleWeights) {
		return errors.New("training with binary cross-entropy takes soft targets and no weights")
	}
	return nil
}

// stepNodes are the nodes of a training step.
type stepNodes struct {
	parts     []*towerStep           // one for each tower
	loss      graph.Value            // the mean over the batch, or over a micro-batch
	gradients map[string]graph.Value // of that
	optimizer *graph.AdamW
	average   *graph.Average // nil without Training.Average
	updates   []*tf.Operation
	micro     *microBatch // nil if the batch is processed at once
}

// optimizerBytes is the memory of the optimizer's moments, and of the averages.
func (s *stepNodes) optimizerBytes() int64 {
	if s.average == nil {
		return s.optimizer.State.Bytes()
	}
	return s.optimizer.State.Bytes() + s.average.State.Bytes()
}

// input adds the placeholders of a number of samples and the forward pass from them to logits.
type input func(b *graph.Builder, samples int, f *backbone.Forward) (inputs []graph.Value, logits graph.Value)

func (m *Model) fromImages(b *graph.Builder, samples int, f *backbone.Forward) ([]graph.Value, graph.Value) {
	images := m.placeholder(b, samples)
	return []graph.Value{images}, m.forward(b, b.AfterReads(images, m.Frozen, m.Trainable), f)
}

func fromImages(m *Model) input { return m.fromImages }

func fromStored(element graph.Precision) func(m *Model) input {
	return func(m *Model) input { return m.fromStored(element) }
}

func (m *Model) fromStored(element graph.Precision) input {
	return func(b *graph.Builder, samples int, f *backbone.Forward) ([]graph.Value, graph.Value) {
		inputs, given := m.cached.placeholders(b, samples, element, m.Frozen, m.Trainable)
		f.Arch, f.Weight, f.Derive = m.Config.Arch, m.weight, m.derive
		return inputs, m.classify(b, f.Resume(b, given, m.Config.Pool))
	}
}

// buildStoredLogits adds the forward pass from the stored values of any number of images to logits, without stochastic depth.
func (m *Model) buildStoredLogits(element graph.Precision) (inputs []graph.Value, logits graph.Value, err error) {
	defer graph.Catch(&err)
	inputs, logits = m.fromStored(element)(m.builder.In("predict_stored"), graph.Unknown, m.hooked())
	return inputs, logits, nil
}

// buildStep adds the loss, the backward pass and the optimizer's updates. Each tower computes its share of the samples. The gradients
// are summed on the first device, which has the variables and applies one update.
func (m *Model) buildStep(t Training, in func(m *Model) input) (s *stepNodes, err error) {
	defer graph.Catch(&err)
	if err := t.check(); err != nil {
		return nil, err
	}
	b, n := m.builder.In("train"), t.Batch
	s = &stepNodes{gradients: map[string]graph.Value{}}
	if t.MicroBatch > 0 && t.MicroBatch < t.Batch {
		n = t.MicroBatch
		s.micro = &microBatch{count: t.Batch / n, accumulators: graph.NewVariables()}
	}
	if towers := len(m.towers()); n < towers {
		return nil, fmt.Errorf("%d images at a time can't be divided among %d devices: use a larger batch or micro-batch, or fewer devices", n, towers)
	}
	s.optimizer = graph.NewAdamW(b, t.WeightDecay)
	if t.Average > 0 {
		s.average = graph.NewAverage(t.Average)
	}
	trainable, scale := m.Trainable.All(), m.Config.Precision.LossScale()
	losses, sums := m.backward(b, t, in, n, s)
	s.loss = b.Sum(losses...)
	arrived := []*tf.Operation{s.loss.Op}
	for i, v := range trainable {
		if len(sums[i]) == 0 {
			continue // the loss does not depend on it: like PyTorch's AdamW, leave it untouched
		}
		gradient := b.In("gradient/" + v.Name).Sum(sums[i]...)
		if scale != 1 {
			gradient = b.Scale(gradient, 1/scale)
		}
		s.gradients[v.Name] = gradient
		arrived = append(arrived, gradient.Op)
	}
	change, update := b, b // of accumulators, and of what trains
	if m.inCluster() {
		change = b.After(arrived...)
	}
	if s.micro == nil {
		update = change
	}
	var updated []*graph.Variable
	var gradients []graph.Value
	for _, v := range trainable {
		gradient, ok := s.gradients[v.Name]
		if !ok {
			continue
		}
		if s.micro != nil {
			gradient = s.micro.add(change, v, gradient, b)
		}
		updated, gradients = append(updated, v), append(gradients, gradient)
	}
	if t.ClipGrad > 0 && len(gradients) > 0 {
		gradients = b.ClipByGlobalNorm(gradients, t.ClipGrad)
	}
	for i, v := range updated {
		m.addUpdate(update, s, v, gradients[i])
	}
	return s, nil
}

// backward adds the passes of all towers for n samples, forward and backward. It returns their parts of the mean loss, and the gradients of
// each trainable variable that are to be summed, times the loss scale.
func (m *Model) backward(b *graph.Builder, t Training, in func(m *Model) input, n int, s *stepNodes) (losses []graph.Value, sums [][]graph.Value) {
	towers, scale := m.towers(), m.Config.Precision.LossScale()
	sums = make([][]graph.Value, len(m.Trainable.All()))
	for i, share := range divide(n, len(towers)) {
		p, tower := towers[i].buildTower(t, in(towers[i]), share, s.micro != nil), towers[i].builder.In("train")
		s.parts = append(s.parts, p)
		weight := float64(share.samples()) / float64(n)
		var leaves []graph.Value
		for _, v := range towers[i].Trainable.All() {
			leaves = append(leaves, v.Value)
		}
		gradients := tower.Backward(p.loss, tower.Slope(scale*weight), leaves)
		loss, gradients := towers[i].gather(b, weighted(tower, p.loss, weight), gradients)
		losses = append(losses, loss)
		for k, gradient := range gradients {
			if gradient.Defined() {
				sums[k] = append(sums[k], gradient)
			}
		}
	}
	return losses, sums
}

// addUpdate adds the optimizer's update of v, and that of its average.
func (m *Model) addUpdate(b *graph.Builder, s *stepNodes, v *graph.Variable, gradient graph.Value) {
	update := s.optimizer.Update(b, v, gradient, m.decays(v.Name))
	s.updates = append(s.updates, update)
	if s.average != nil {
		s.updates = append(s.updates, s.average.Update(b, v, update))
	}
}

// inCluster tells whether other processes compute a part of a step. All gradients then arrive before the first update, so that a step
// during which a process ends changes nothing.
func (m *Model) inCluster() bool {
	return slices.ContainsFunc(m.Config.Places, func(p graph.Place) bool { return p.Task() != "" })
}

// weighted is a loss times its weight in the mean.
func weighted(b *graph.Builder, loss graph.Value, weight float64) graph.Value {
	if weight == 1 {
		return loss
	}
	return b.Scale(loss, weight)
}

// dropRate is the stochastic-depth rate of a block: linear, 0 at the first and DropPath at the last.
func (m *Model) dropRate(t Training, block int) float64 {
	return t.DropPath * float64(block) / float64(max(len(m.Config.Arch.Blocks())-1, 1))
}

// ownDropRate is the stochastic-depth rate of a method's own branches, the same in all blocks; 0 if it has none.
func (m *Model) ownDropRate(t Training) float64 {
	if _, ok := m.Config.Method.(branched); ok {
		return t.DropPath
	}
	return 0
}

// dropsPrefix tells whether stochastic depth acts on any block of the prefix.
func (m *Model) dropsPrefix(t Training) bool {
	return t.DropPathScope != DropPathSuffix && m.prefix.blocks > 0 && m.dropRate(t, m.prefix.blocks-1) > 0
}
