package dtl

import (
	"fmt"
	"maps"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Session is a model with values. It predicts and, depending on Config.Batch and Config.Store, trains on images or on stored
// values. Calls that its model was not built for return an error.
type Session struct {
	*Model
	session *graph.Session
	seed    uint64
}

// Start opens a session and fills the variables: the backbone's from weights; the others from adapter, which may be nil, or,
// if it lacks them, from their initial distributions with the given seed. It fails if a tensor is missing or has another shape.
func (m *Model) Start(o graph.SessionOptions, weights tensor.Map, seed uint64, adapter tensor.Map) (*Session, error) {
	s, err := graph.NewSession(m.builder.Graph(), o)
	if err != nil {
		return nil, err
	}
	run := &Session{Model: m, session: s, seed: seed}
	if err := run.fill(weights, adapter); err != nil {
		s.Close()
		return nil, err
	}
	return run, nil
}

func (s *Session) fill(weights, adapter tensor.Map) error {
	if err := s.Frozen.Assign(s.session, weights); err != nil {
		return fmt.Errorf("backbone: %w", err)
	}
	values := maps.Clone(weights)
	if values == nil {
		values = tensor.Map{}
	}
	if !s.params.covered(adapter) {
		maps.Copy(values, s.params.Values(s.seed))
		derived, err := s.params.Derived(weights)
		if err != nil {
			return err
		}
		maps.Copy(values, derived)
	}
	maps.Copy(values, adapter)
	if err := s.Trainable.Assign(s.session, values); err != nil {
		return fmt.Errorf("adapter: %w", err)
	}
	if s.optimizer == nil {
		return nil
	}
	moments := tensor.Map{}
	for _, v := range s.optimizer.State.All() {
		moments[v.Name] = tensor.Zeros(v.Shape...)
	}
	return s.optimizer.State.Assign(s.session, moments)
}

// Step trains on one batch of images [B, S, S, 3] at learning rate lr and returns the loss before the update. step counts
// from 0; together with the seed it determines the random numbers of stochastic depth.
func (s *Session) Step(images tensor.Tensor, labels []int32, lr float64, step int) (float64, error) {
	input, err := s.imageFeeds(images)
	if err != nil {
		return 0, err
	}
	return s.run(input, labels, lr, step)
}

// run is a training step on the batch in input.
func (s *Session) run(input []graph.Feed, labels []int32, lr float64, step int) (float64, error) {
	if s.train.micro != nil {
		return s.runMicroBatches(input, labels, lr, step)
	}
	feeds := s.stepFeeds(input, labels, lr, step)
	out, err := s.session.Run(feeds, []tf.Output{s.train.loss.Output}, s.train.updates...)
	if err != nil {
		return 0, fmt.Errorf("training step %d: %w", step, err)
	}
	return float64(out[0].Float32()[0]), nil
}

// Trace is Step, but returns the run's allocation records instead of the loss.
func (s *Session) Trace(images tensor.Tensor, labels []int32, lr float64, step int) (*pb.RunMetadata, error) {
	input, err := s.imageFeeds(images)
	if err != nil {
		return nil, err
	}
	return s.trace(input, labels, lr, step)
}

// TraceStored is StepStored, but returns the run's allocation records instead of the loss. They do not include the stored
// values, which exist before the run.
func (s *Session) TraceStored(values []tensor.Tensor, labels []int32, lr float64, step int) (*pb.RunMetadata, error) {
	input, err := s.storedFeeds(values)
	if err != nil {
		return nil, err
	}
	return s.trace(input, labels, lr, step)
}

func (s *Session) trace(input []graph.Feed, labels []int32, lr float64, step int) (*pb.RunMetadata, error) {
	feeds, targets := s.stepFeeds(input, labels, lr, step), s.train.updates
	if m := s.train.micro; m != nil { // every micro-batch allocates like the first
		var err error
		if feeds, err = s.microBatchFeeds(input, labels, step, 0, s.Config.MicroBatch); err != nil {
			return nil, err
		}
		targets = m.assign
	}
	_, metadata, err := s.session.Trace(feeds, []tf.Output{s.train.loss.Output}, targets...)
	return metadata, err
}

// Gradients returns logits [B, classes], loss and the gradients of the trainable variables by name, without an update.
func (s *Session) Gradients(images tensor.Tensor, labels []int32) (logits tensor.Tensor, loss float64, gradients tensor.Map, err error) {
	input, err := s.imageFeeds(images)
	if err != nil {
		return logits, 0, nil, err
	}
	fetches := []tf.Output{s.train.logits.Output, s.train.loss.Output}
	var names []string
	for name, g := range s.train.gradients {
		names = append(names, name)
		fetches = append(fetches, g.Output)
	}
	out, err := s.session.Run(s.stepFeeds(input, labels, 0, 0), fetches)
	if err != nil {
		return logits, 0, nil, fmt.Errorf("gradients: %w", err)
	}
	gradients = tensor.Map{}
	for i, name := range names {
		gradients[name] = out[i+2]
	}
	return out[0], float64(out[1].Float32()[0]), gradients, nil
}

func (s *Session) stepFeeds(input []graph.Feed, labels []int32, lr float64, step int) []graph.Feed {
	feeds := append(s.optimizer.Feeds(lr, step+1), s.seedFeeds(step)...)
	return append(append(feeds, input...), labelFeed(s, labels))
}

// seedFeeds feeds the seed of stochastic depth, if the step has any.
func (s *Session) seedFeeds(step int) []graph.Feed {
	if !s.train.seed.Defined() {
		return nil
	}
	return []graph.Feed{{Output: s.train.seed.Output, Value: tensor.Must([]int64{int64(s.seed), int64(step)}, 2)}}
}

func labelFeed(s *Session, labels []int32) graph.Feed {
	return graph.Feed{Output: s.train.labels.Output, Value: tensor.Must(labels, len(labels))}
}

// Logits classifies any number of images [n, S, S, 3]: [n, classes].
func (s *Session) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	out, err := s.session.Run([]graph.Feed{{Output: s.images.Output, Value: images}}, []tf.Output{s.logits.Output})
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("classify: %w", err)
	}
	return out[0], nil
}

// ReadTrainable returns copies of the trainable variables by name.
func (s *Session) ReadTrainable() (tensor.Map, error) { return s.Trainable.Read(s.session) }

// ReadFrozen returns copies of the frozen weights by name.
func (s *Session) ReadFrozen() (tensor.Map, error) { return s.Frozen.Read(s.session) }

// ReadOptimizer returns copies of the optimizer's moments by name.
func (s *Session) ReadOptimizer() (tensor.Map, error) {
	if err := s.trains(); err != nil {
		return nil, err
	}
	return s.optimizer.State.Read(s.session)
}

// Device returns the device that runs the heavy nodes: TensorFlow's first GPU, else the CPU. kind is GPU or CPU; an example of
// a name is /device:CPU:0.
func (s *Session) Device() (name, kind string, err error) {
	list, err := s.session.Devices()
	if err != nil {
		return "", "", fmt.Errorf("list the devices: %w", err)
	}
	for _, d := range list {
		if kind == "" || (d.Type == "GPU" && kind != "GPU") {
			name, kind = d.Name[strings.LastIndex(d.Name, "/device:"):], d.Type
		}
	}
	return name, kind, nil
}

// Close frees the session and its variables. Calling it again does nothing.
func (s *Session) Close() error { return s.session.Close() }

// Restore sets the trainable variables and the optimizer's moments from one map with the results of ReadTrainable and
// ReadOptimizer.
func (s *Session) Restore(all tensor.Map) error {
	if err := s.trains(); err != nil {
		return err
	}
	if err := s.Trainable.Assign(s.session, all); err != nil {
		return err
	}
	return s.optimizer.State.Assign(s.session, all)
}
