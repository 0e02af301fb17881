package dtl

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Setting is one of several that a Joint trains.
type Setting struct {
	Method   Method
	Training Training   // all settings take the same kind and number of targets
	Seed     uint64     // of the initial values, and with the step of stochastic depth
	Adapter  tensor.Map // as in Start
}

// Joint trains several settings on the same batches. The blocks that the methods leave as they are (see Model.Stored) run once for a
// batch, as far as the setting with the longest prefix needs; then each setting takes its own step from the values, one after another.
// So a batch needs the memory of these values and of one step at a time. The frozen weights are in memory once. Each setting has its own
// trainable variables, optimizer state, learning rate, weight decay and stochastic depth. Its results equal those of a separate StoredTrainer
// within rounding.
//
// The settings share a backbone, a pool and a number of classes. A setting without a prefix shares nothing and is refused.
type Joint struct {
	// Settings are trainers that share a session. They do not know images: use Prefix and Logits in place of their methods Logits and
	// ComputeStored.
	Settings []*StoredTrainer

	session *graph.Session
	trunk   *trunk
	reads   [][]string // of each setting, names of values of the trunk
	stored  []Stored   // what all of them read
	names   []string   // of stored in the trunk
	copied  bool       // values are copied to Go's memory, for micro-batches to divide
}

// errNoImages is the error of a call that needs images on a setting of a Joint.
var errNoImages = errors.New("a setting of several that train together reads stored values, no images")

// NewJoint builds the graph of all settings and opens a session. It ignores the config's Method, and the adapter and the seed of start.
// element is the type of the values that training steps take (see NewStoredTrainer), FP32 if they come from Prefix.
func NewJoint(c Config, settings []Setting, element graph.Precision, start Start) (j *Joint, err error) {
	defer graph.Catch(&err)
	if len(settings) == 0 {
		return nil, errors.New("no settings to train")
	}
	plain := c.withoutMethod()
	given := plain
	if err := plain.check(); err != nil {
		return nil, err
	}
	if err := plain.Precision.Usable(); plain.Device != graph.GPU && err != nil {
		return nil, err
	}
	j = &Joint{trunk: newTrunk(plain)}
	weights := j.trunk.frozen.Bytes()
	var found []*Model // in separate graphs
	for i, s := range settings {
		m, err := c.found(s, found)
		if err != nil {
			return nil, fmt.Errorf("setting %d: %w", i+1, err)
		}
		found = append(found, m)
		t, err := j.add(m, s, element, fmt.Sprintf("setting_%02d", i+1))
		if err != nil {
			return nil, fmt.Errorf("setting %d: %w", i+1, err)
		}
		j.Settings = append(j.Settings, t)
	}
	if j.trunk.frozen.Bytes() != weights {
		return nil, errors.New("a method reads weights that the backbone's own pass does not")
	}
	if j.session, err = graph.NewSession(j.trunk.builder.Graph(), start.Session); err != nil {
		return nil, err
	}
	if err := j.fill(settings, given.Weights(start.Weights)); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// found builds the model of a setting in a separate graph, which shows how long its prefix is. It returns an earlier model if one has the
// same method.
func (c Config) found(s Setting, earlier []*Model) (*Model, error) {
	c.Method = s.Method
	for _, m := range earlier {
		if reflect.DeepEqual(m.Config.Method, s.Method) {
			return m, nil
		}
	}
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	if m.Config.trainsBackbone() || m.prefix.blocks == 0 {
		return nil, fmt.Errorf("method %s changes the backbone from its first block on, so that settings have nothing to share", s.Method.Name())
	}
	return m, nil
}

// add adds a setting to the graph, with the prefix of its model.
func (j *Joint) add(alone *Model, s Setting, element graph.Precision, scope string) (*StoredTrainer, error) {
	first := s.Training
	if len(j.Settings) > 0 {
		first = j.Settings[0].training
	}
	if t := s.Training; t.Batch != first.Batch || t.MicroBatch != first.MicroBatch || t.SoftTargets != first.SoftTargets || t.SampleWeights != first.SampleWeights {
		return nil, errors.New("it takes other batches or targets than the first setting")
	}
	stored := alone.Stored(s.Training)
	if len(stored) == 0 {
		return nil, fmt.Errorf("stochastic depth acts on the blocks that the settings share (drop path %g, %s)", s.Training.DropPath, s.Training.DropPathScope)
	}
	j.copied = first.MicroBatch > 0 && first.MicroBatch < first.Batch
	c := alone.Config
	m := c.onGraph(j.trunk.builder.Scoped(scope), j.trunk.frozen, graph.NewVariables())
	m.given, m.prefix, m.cached = alone.given, alone.prefix, alone.cached
	m.cached.fetches = nil // of the other graph
	m.attach()
	t := &StoredTrainer{}
	inputs, logits, err := m.buildStoredLogits(graph.FP32)
	if err != nil {
		return nil, err
	}
	t.passes = []pass{{inputs, []tf.Output{logits.Output}}}
	m.logits = logits
	nodes, err := m.buildStep(s.Training, fromStored(element))
	if err != nil {
		return nil, err
	}
	t.Trainer = &Trainer{Predictor: &Predictor{Model: m, seed: s.Seed}, training: s.Training, nodes: nodes}
	var reads []string
	for i, v := range m.cached.values {
		name := v.inTrunk(c.Pool)
		j.trunk.sum(name, c.Arch.Blocks(), c.Method)
		if !j.trunk.values[name].Defined() {
			return nil, fmt.Errorf("the backbone's pass has no value %s", name)
		}
		if reads = append(reads, name); !slices.Contains(j.names, name) {
			j.names, j.stored = append(j.names, name), append(j.stored, stored[i])
		}
	}
	j.reads = append(j.reads, reads)
	return t, nil
}

// sum adds the sum of outputs of blocks that a method reads, if that is the named value.
func (t *trunk) sum(name string, blocks []backbone.Block, m Method) {
	s, ok := m.(summing)
	if !ok || name != sumName(s.sumFrom()) || t.values[name].Defined() {
		return
	}
	b := t.builder.In("shared").In(name)
	t.values[name] = b.Float(sumOutputs(b, blocks, s.sumFrom(), func(output string) graph.Value { return t.values[output] }))
}

// fill sets all variables.
func (j *Joint) fill(settings []Setting, weights tensor.Map) error {
	all := []graph.Filling{{Variables: j.trunk.frozen, Values: weights}}
	for i, t := range j.Settings {
		t.session = j.session
		initial, err := t.initial(Start{Weights: weights, Adapter: settings[i].Adapter, Seed: settings[i].Seed})
		if err != nil {
			return fmt.Errorf("setting %d: %w", i+1, err)
		}
		all = append(append(all, graph.Filling{Variables: t.Trainable, Values: initial}), t.optimizerStart(initial)...)
	}
	return graph.Fill(j.session, all...)
}

// PrefixValues are what the settings of a Joint read of a batch.
type PrefixValues struct{ byName map[string]tensor.Tensor }

// Free frees values that Joint.Prefix computed. Nothing may be using them.
func (v PrefixValues) Free() { graph.Free(slices.Collect(maps.Values(v.byName))...) }

// Prefix runs images [n, S, S, 3] through the blocks that the settings share. Free the result.
func (j *Joint) Prefix(images tensor.Tensor) (PrefixValues, error) {
	if !j.copied {
		values, err := j.trunk.run(j.session, images, j.names)
		return PrefixValues{values}, err
	}
	list, err := j.ComputeStored(images)
	if err != nil {
		return PrefixValues{}, err
	}
	return j.Given(list)
}

// Stored lists what the settings read of an image, in the order of ComputeStored and Given.
func (j *Joint) Stored() []Stored { return slices.Clone(j.stored) }

// ComputeStored is Predictor.ComputeStored for what all settings read.
func (j *Joint) ComputeStored(images tensor.Tensor) ([]tensor.Tensor, error) {
	fetches := make([]tf.Output, len(j.names))
	for i, name := range j.names {
		fetches[i] = j.trunk.values[name].Output
	}
	out, err := j.session.Run([]graph.Feed{{Output: j.trunk.images.Output, Value: images}}, fetches)
	if err != nil {
		return nil, fmt.Errorf("values to store: %w", err)
	}
	return out, nil
}

// Given returns the values of a batch in the order of Stored, which need not be freed.
func (j *Joint) Given(list []tensor.Tensor) (PrefixValues, error) {
	if len(list) != len(j.names) {
		return PrefixValues{}, fmt.Errorf("%d stored values were given, the settings read %d (see Stored)", len(list), len(j.names))
	}
	v := PrefixValues{map[string]tensor.Tensor{}}
	for i, name := range j.names {
		v.byName[name] = list[i]
	}
	return v, nil
}

// of returns the values that one setting reads, in the order of its Stored.
func (j *Joint) of(setting int, v PrefixValues) []tensor.Tensor {
	list := make([]tensor.Tensor, len(j.reads[setting]))
	for i, name := range j.reads[setting] {
		list[i] = v.byName[name]
	}
	return list
}

// Step trains one setting on the values of a batch and returns the loss before the update, as StoredTrainer.StepTowards does.
func (j *Joint) Step(setting int, v PrefixValues, targets Targets, lr float64, step int) (float64, error) {
	return j.Settings[setting].StepTowards(j.of(setting, v), targets, lr, step)
}

// Logits classifies images by their values with one setting: [n, classes].
func (j *Joint) Logits(setting int, v PrefixValues) (tensor.Tensor, error) {
	return j.Settings[setting].StoredLogits(j.of(setting, v))
}

// Device returns the name and the kind of the device that computes (see graph.Session).
func (j *Joint) Device() (name, kind string, err error) { return j.session.Device() }

// Close frees the session, that of all settings. Closing again does nothing.
func (j *Joint) Close() error { return j.session.Close() }
