package dtl

import (
	"fmt"
	"maps"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Trainer is a Predictor with an optimizer. ImageTrainer and StoredTrainer embed it and add the training step.
type Trainer struct {
	*Predictor
	training Training
	nodes    *stepNodes
}

// ImageTrainer trains on images.
type ImageTrainer struct{ *Trainer }

// StoredTrainer trains on stored values (see Model.Stored), so that a step does not compute the prefix.
type StoredTrainer struct {
	*Trainer
	passes []pass // to logits, one for each tower
}

// NewImageTrainer adds a training step to the model and opens a session like NewPredictor.
func NewImageTrainer(m *Model, t Training, start Start) (*ImageTrainer, error) {
	trainer, err := newTrainer(m, t, start, fromImages)
	if err != nil {
		return nil, err
	}
	return &ImageTrainer{trainer}, nil
}

// NewStoredTrainer is NewImageTrainer for a step on stored values with elements of the given type. It fails if the step has
// no prefix.
func NewStoredTrainer(m *Model, t Training, element graph.Precision, start Start) (*StoredTrainer, error) {
	if len(m.Stored(t)) == 0 {
		return nil, fmt.Errorf("there is nothing to store with method %s and drop path %g (%s)", m.Config.Method.Name(), t.DropPath, t.DropPathScope)
	}
	var passes []pass
	for _, tower := range m.towers() {
		inputs, logits, err := tower.buildStoredLogits(element)
		if err != nil {
			return nil, err
		}
		passes = append(passes, pass{inputs, []tf.Output{logits.Output}})
	}
	trainer, err := newTrainer(m, t, start, fromStored(element))
	if err != nil {
		return nil, err
	}
	return &StoredTrainer{trainer, passes}, nil
}

func newTrainer(m *Model, t Training, start Start, in func(m *Model) input) (*Trainer, error) {
	nodes, err := m.buildStep(t, in)
	if err != nil {
		return nil, err
	}
	p, err := NewPredictor(m, start)
	if err != nil {
		return nil, err
	}
	trainer := &Trainer{Predictor: p, training: t, nodes: nodes}
	if err := trainer.startOptimizer(); err != nil {
		p.Close()
		return nil, err
	}
	return trainer, nil
}

// startOptimizer sets the optimizer's moments to zero and the averages to the initial values.
func (t *Trainer) startOptimizer() error {
	var initial tensor.Map
	var err error
	if t.nodes.average != nil {
		if initial, err = t.ReadTrainable(); err != nil {
			return err
		}
	}
	return graph.Fill(t.session, t.optimizerStart(initial)...)
}

// optimizerStart is what the optimizer's moments and the averages start from, given the initial values.
func (t *Trainer) optimizerStart(initial tensor.Map) []graph.Filling {
	moments := tensor.Map{}
	for _, v := range t.nodes.optimizer.State.All() {
		moments[v.Name] = tensor.Zeros(v.Shape...)
	}
	start := []graph.Filling{{Variables: t.nodes.optimizer.State, Values: moments}}
	if t.nodes.average == nil {
		return start
	}
	named := tensor.Map{}
	for name, value := range initial {
		named[t.nodes.average.Of(name)] = value
	}
	return append(start, graph.Filling{Variables: t.nodes.average.State, Values: named})
}

// Step trains on one batch of images [B, S, S, 3] at learning rate lr and returns the loss before the update. step counts
// from 0; together with the seed it determines the random numbers of stochastic depth.
func (t *ImageTrainer) Step(images tensor.Tensor, labels []int32, lr float64, step int) (float64, error) {
	return t.step([]tensor.Tensor{images}, Targets{Labels: labels}, lr, step)
}

// StepSoft is Step with soft targets [B, classes], the probabilities of each label, for training with Training.SoftTargets.
func (t *ImageTrainer) StepSoft(images, targets tensor.Tensor, lr float64, step int) (float64, error) {
	return t.step([]tensor.Tensor{images}, Targets{Soft: targets}, lr, step)
}

// StepTowards is Step with targets of any kind.
func (t *ImageTrainer) StepTowards(images tensor.Tensor, targets Targets, lr float64, step int) (float64, error) {
	return t.step([]tensor.Tensor{images}, targets, lr, step)
}

// Trace is Step, but returns the run's allocation records instead of the loss. With micro-batches it runs the first one only,
// without the update.
func (t *ImageTrainer) Trace(images tensor.Tensor, labels []int32, lr float64, step int) (*pb.RunMetadata, error) {
	return t.trace([]tensor.Tensor{images}, Targets{Labels: labels}, lr, step)
}

// Step trains on the stored values of one batch, each [B, Shape...], in the order of Stored. The rest is as in
// ImageTrainer.Step.
func (t *StoredTrainer) Step(values []tensor.Tensor, labels []int32, lr float64, step int) (float64, error) {
	return t.step(values, Targets{Labels: labels}, lr, step)
}

// StepSoft is Step with soft targets, as in ImageTrainer.StepSoft.
func (t *StoredTrainer) StepSoft(values []tensor.Tensor, targets tensor.Tensor, lr float64, step int) (float64, error) {
	return t.step(values, Targets{Soft: targets}, lr, step)
}

// StepTowards is Step with targets of any kind.
func (t *StoredTrainer) StepTowards(values []tensor.Tensor, targets Targets, lr float64, step int) (float64, error) {
	return t.step(values, targets, lr, step)
}

// Trace is Step, but returns the run's allocation records instead of the loss. They do not include the stored values, which
// exist before the run.
func (t *StoredTrainer) Trace(values []tensor.Tensor, labels []int32, lr float64, step int) (*pb.RunMetadata, error) {
	return t.trace(values, Targets{Labels: labels}, lr, step)
}

// StoredLogits classifies any number of images from their stored values, each [n, Shape...], in the order of Stored: [n, classes]. The
// logits are those of Logits up to rounding: TensorFlow fuses other ops in a graph that starts after the prefix.
func (t *StoredTrainer) StoredLogits(values []tensor.Tensor) (tensor.Tensor, error) {
	out, err := t.spread(values, t.passes)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("classify stored values: %w", err)
	}
	return out[0], nil
}

// ReadOptimizer returns copies of the optimizer's moments by name, and of the averages.
func (t *Trainer) ReadOptimizer() (tensor.Map, error) {
	all, err := t.nodes.optimizer.State.Read(t.session)
	if err != nil || t.nodes.average == nil {
		return all, err
	}
	averages, err := t.nodes.average.State.Read(t.session)
	maps.Copy(all, averages)
	return all, err
}

// Restore sets the trainable variables, the optimizer's moments and the averages from one map with the results of ReadTrainable
// and ReadOptimizer.
func (t *Trainer) Restore(all tensor.Map) error {
	if err := t.Trainable.Assign(t.session, all); err != nil {
		return err
	}
	if t.nodes.average != nil {
		if err := t.nodes.average.State.Assign(t.session, all); err != nil {
			return err
		}
	}
	return t.nodes.optimizer.State.Assign(t.session, all)
}

// ReadAverage returns the averages of the trainable variables (see Training.Average), under the names of ReadTrainable. Variables
// that the loss does not depend on are their own averages.
func (t *Trainer) ReadAverage() (tensor.Map, error) {
	all, err := t.ReadTrainable()
	if err != nil || t.nodes.average == nil {
		return all, err
	}
	averages, err := t.nodes.average.State.Read(t.session)
	for name := range all {
		if average, ok := averages[t.nodes.average.Of(name)]; ok {
			all[name] = average
		}
	}
	return all, err
}

// FixedBytes returns the bytes that stay allocated between steps: the weights, trainable and frozen, in the precision they are
// stored in, and the optimizer's state: in float32, two moments for each trainable parameter that the loss depends on, and its
// average.
func (t *Trainer) FixedBytes() (weights, optimizer int64) {
	return t.Frozen.Bytes() + t.Trainable.Bytes(), t.nodes.optimizerBytes()
}

// step trains on a batch: its images, or its stored values.
func (t *Trainer) step(values []tensor.Tensor, targets Targets, lr float64, step int) (float64, error) {
	all, err := t.batch(values, targets, step)
	if err != nil {
		return 0, err
	}
	if t.nodes.micro != nil {
		return t.runMicroBatches(all, lr, step)
	}
	feeds, err := t.wholeFeeds(all, lr, step)
	if err != nil {
		return 0, err
	}
	out, err := t.session.Run(feeds, []tf.Output{t.nodes.loss.Output}, t.nodes.updates...)
	if err != nil {
		return 0, fmt.Errorf("training step %d: %w", step, err)
	}
	return float64(out[0].Float32()[0]), nil
}

func (t *Trainer) trace(values []tensor.Tensor, targets Targets, lr float64, step int) (*pb.RunMetadata, error) {
	feeds, err := t.feeds(values, targets, lr, step)
	changes := t.nodes.updates
	if m := t.nodes.micro; m != nil { // every micro-batch allocates like the first
		changes = m.assign
	}
	if err != nil {
		return nil, err
	}
	_, metadata, err := t.session.Trace(feeds, []tf.Output{t.nodes.loss.Output}, changes...)
	return metadata, err
}

// feeds are the inputs of a step on a batch, or with micro-batches those of its first one.
func (t *Trainer) feeds(values []tensor.Tensor, targets Targets, lr float64, step int) ([]graph.Feed, error) {
	all, err := t.batch(values, targets, step)
	if err != nil {
		return nil, err
	}
	if t.nodes.micro != nil {
		return t.sampleFeeds(all, step, 0)
	}
	return t.wholeFeeds(all, lr, step)
}

// wholeFeeds are the inputs of a step on a batch that is processed at once.
func (t *Trainer) wholeFeeds(all batch, lr float64, step int) ([]graph.Feed, error) {
	samples, err := t.sampleFeeds(all, step, 0)
	return append(t.nodes.optimizer.Feeds(lr, step+1), samples...), err
}
