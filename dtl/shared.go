package dtl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Task is an adapter of a Shared.
type Task struct {
	Name    string
	Method  Method
	Pool    backbone.Pool
	Classes int
	Adapter tensor.Map // every trainable tensor of the method and the classifier
}

// Shared classifies images for several tasks over one frozen backbone. For a batch, the blocks that methods leave as they are (see
// Model.Stored) run once, as far as the task with the longest prefix needs; then each task resumes where its own prefix ends. A task
// without a prefix runs the whole backbone. Methods, their options, pools and numbers of classes may differ.
//
// The backbone's weights are in memory once. The graph has one part for each kind of task (see kind); adapters are fed into it and
// freed with their task. Adding a task of a known kind does not make the graph grow, adding one of a new kind does, until Close.
//
// A Shared is safe for concurrent use, tasks being added and removed included.
type Shared struct {
	config  Config
	given   backbone.Architecture // before its folding (see backbone.Fold)
	session *graph.Session
	trunk   *trunk

	building sync.Mutex // held while nodes are added
	kinds    []*kind
	derived  int // values of trunk.frozen that the session has computed from its weights

	mu     sync.Mutex // guards what follows, and the users of tasks
	tasks  map[string]*sharedTask
	closed bool
}

// sharedTask is a task that was added.
type sharedTask struct {
	name    string
	kind    *kind
	params  []graph.Feed // held in TensorFlow's memory
	bytes   int64
	users   int  // calls of Logits that use it
	removed bool // params are freed when the last user is done
}

// ErrUnknownTask is the error for a task that a Shared does not have.
var ErrUnknownTask = errors.New("there is no such task")

// NewShared opens a session on the backbone alone, without a task. It ignores the config's Method, Pool and Classes, and the adapter
// and the seed of start. It does not keep the weights.
func NewShared(c Config, start Start) (s *Shared, err error) {
	defer graph.Catch(&err)
	c = c.withoutMethod()
	given := c
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.Precision.Usable(); c.Device != graph.GPU && err != nil {
		return nil, err
	}
	s = &Shared{config: c, given: given.Arch, trunk: newTrunk(c), tasks: map[string]*sharedTask{}}
	if s.session, err = graph.NewSession(s.trunk.builder.Graph(), start.Session); err != nil {
		return nil, err
	}
	if err := s.trunk.frozen.Assign(s.session, given.Weights(start.Weights)); err != nil {
		s.session.Close()
		return nil, fmt.Errorf("backbone: %w", err)
	}
	s.derived = s.trunk.frozen.Derived()
	return s, nil
}

// Add adds a task, or replaces the one of that name. Running calls finish with the old one. If Add fails, nothing has changed. It
// copies the adapter.
func (s *Shared) Add(t Task) error {
	if err := s.add(t); err != nil {
		return fmt.Errorf("task %s: %w", t.Name, err)
	}
	return nil
}

func (s *Shared) add(t Task) error {
	k, err := s.kindOf(t)
	if err != nil {
		return err
	}
	feeds, err := k.params.Feeds(t.Adapter)
	if err != nil {
		return fmt.Errorf("adapter: %w", err)
	}
	if got := t.Adapter[HeadWeight].Shape[0]; got != t.Classes || t.Adapter[HeadBias].Shape[0] != got {
		return fmt.Errorf("adapter: the classifier's tensors are of %d and %d classes, wanted %d", got, t.Adapter[HeadBias].Shape[0], t.Classes)
	}
	added := &sharedTask{name: t.Name, kind: k}
	for _, f := range feeds {
		if f.Value, err = graph.Hold(f.Value); err != nil {
			added.free()
			return fmt.Errorf("adapter: %w", err)
		}
		added.params = append(added.params, f)
		added.bytes += int64(graph.FP32.Bytes()) * int64(tensor.Size(f.Value.Shape))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		added.free()
		return errors.New("the tasks were closed")
	}
	s.drop(t.Name)
	s.tasks[t.Name] = added
	return nil
}

// Remove removes a task and frees its adapter once no call uses it. The error of a task that does not exist is ErrUnknownTask.
func (s *Shared) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks[name] == nil {
		return fmt.Errorf("task %s: %w", name, ErrUnknownTask)
	}
	s.drop(name)
	return nil
}

// drop removes a task, if it is there. mu is locked.
func (s *Shared) drop(name string) {
	if t := s.tasks[name]; t != nil {
		delete(s.tasks, name)
		if t.removed = true; t.users == 0 {
			t.free()
		}
	}
}

func (t *sharedTask) free() {
	for _, p := range t.params {
		graph.Free(p.Value)
	}
}

// Tasks lists the names of the tasks alphabetically.
func (s *Shared) Tasks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.tasks))
}

// use returns tasks, which are not freed before release.
func (s *Shared) use(names []string) ([]*sharedTask, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*sharedTask
	for _, name := range names {
		t := s.tasks[name]
		if t == nil {
			return nil, fmt.Errorf("task %s: %w", name, ErrUnknownTask)
		}
		list = append(list, t)
	}
	for _, t := range list {
		t.users++
	}
	return list, nil
}

func (s *Shared) release(list []*sharedTask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range list {
		if t.users--; t.users == 0 && t.removed {
			t.free()
		}
	}
}

// Logits classifies images [n, S, S, 3] for the named tasks: in their order [n, classes of the task]. The values may be NaN or infinite
// if an adapter's are.
func (s *Shared) Logits(images tensor.Tensor, tasks ...string) ([]tensor.Tensor, error) {
	wanted := make([]Wanted, len(tasks))
	for i, name := range tasks {
		wanted[i].Task = name
	}
	return s.LogitsOf(images, wanted...)
}

// LogitsOf is Logits for tasks that classify some rows of the images only: [rows, classes of the task] each. What the tasks share runs
// once for all images.
func (s *Shared) LogitsOf(images tensor.Tensor, wanted ...Wanted) ([]tensor.Tensor, error) {
	names := make([]string, len(wanted))
	for i, w := range wanted {
		names[i] = w.Task
	}
	list, err := s.use(names)
	if err != nil {
		return nil, err
	}
	defer s.release(list)
	if images, err = graph.Hold(images); err != nil {
		return nil, fmt.Errorf("images: %w", err)
	}
	defer graph.Free(images)
	var needed []string
	for _, t := range list {
		needed = append(needed, t.kind.reads...)
	}
	values, err := s.trunk.run(s.session, images, needed)
	if err != nil {
		return nil, fmt.Errorf("what the tasks share: %w", err)
	}
	defer func() { graph.Free(slices.Collect(maps.Values(values))...) }()
	given := maps.Clone(values)
	if given == nil {
		given = map[string]tensor.Tensor{}
	}
	given[imagesName] = images
	results := make([]tensor.Tensor, len(list))
	for i, t := range list {
		if results[i], err = s.logits(t, given, wanted[i].Rows); err != nil {
			return nil, fmt.Errorf("task %s: %w", t.name, err)
		}
	}
	return results, nil
}

// logits runs a task's own part from the held values of the prefix and the images, for some rows of them or for all.
func (s *Shared) logits(t *sharedTask, values map[string]tensor.Tensor, rows []int) (tensor.Tensor, error) {
	reads := t.kind.reads
	if len(reads) == 0 {
		reads = []string{imagesName}
	}
	if rows != nil {
		picked, err := s.trunk.pickRows(s.session, values, reads, rows)
		if err != nil {
			return tensor.Tensor{}, err
		}
		defer func() { graph.Free(slices.Collect(maps.Values(picked))...) }()
		values = picked
	}
	feeds := slices.Clone(t.params)
	for i, name := range reads {
		feeds = append(feeds, graph.Feed{Output: t.kind.inputs[i].Output, Value: values[name]})
	}
	out, err := s.session.Run(feeds, []tf.Output{t.kind.logits.Output})
	if err != nil {
		return tensor.Tensor{}, err
	}
	return out[0], nil
}

// Device returns the name and the kind of the device that computes (see graph.Session).
func (s *Shared) Device() (name, kind string, err error) { return s.session.Device() }

// Close waits for running calls and frees the session and all adapters. Closing again does nothing.
func (s *Shared) Close() error {
	err := s.session.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for name := range s.tasks {
		s.drop(name)
	}
	return err
}
