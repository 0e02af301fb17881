package dtl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
	"dtl-tf/graph/tensor"
)

// Config describes a forward pass: a backbone with a method and a classifier.
type Config struct {
	Arch      backbone.Architecture // a Model's is the folded one if its method trains no weight of the backbone
	Mean, Std [3]float64            // input normalisation of the backbone: (image - Mean) / Std, image in 0..1
	Method    Method
	Pool      backbone.Pool
	Classes   int
	Recompute graph.Recompute // what training computes again in the backward pass
	Precision graph.Precision // "" is FP32
	Device    graph.Device    // "" is graph.Processor (see defaultDevice)
	// Places are the devices that share the work, all of kind Device; empty for one that TensorFlow chooses.
	Places []graph.Place
	// ChunkValues is the size of a chunk in values (samples x tokens x width), for blocks that run in chunks; 0 is the
	// device's default.
	ChunkValues int
	// XLA builds the graph for XLA (see graph.Builder.ForXLA).
	XLA bool
	// FloatImages takes images as float32, ready to be normalised, instead of bytes.
	FloatImages bool
}

// Model is the graph of a backbone with a method and a classifier. NewPredictor, NewImageTrainer and NewStoredTrainer open
// sessions on it. Several can be open at a time. A trainer adds its step to the graph, where it remains after Close; do not create
// two trainers concurrently.
type Model struct {
	Config Config
	// Frozen holds the backbone's frozen weights. Trainable holds the method's parameters, the classifier (HeadWeight,
	// HeadBias) and the backbone weights that the method trains.
	Frozen, Trainable *graph.Variables

	given   Config // as given to New
	prefix  prefix
	cached  prefix   // prefix with the values that the feature cache holds, which may be fewer
	mirrors []*Model // on the devices after the first: see towers
	params  *Params
	newHook func() backbone.Hook
	derive  func(name string, build func(b *graph.Builder) graph.Value) graph.Value // see backbone.Forward; nil for none
	specs   map[string]backbone.Spec                                                // of the backbone's weights, by name
	builder *graph.Builder
	images  graph.Value
	logits  graph.Value
}

// The classifier's parameters under their official names: [classes, d] and [classes].
const (
	HeadWeight = "head.weight"
	HeadBias   = "head.bias"
)

// defaultDevice is the device of a Config that names none. The tests change it to run on a GPU.
var defaultDevice = graph.Processor

// New builds the forward pass for any number of images. It returns an error for settings that contradict each other or the
// architecture.
func New(c Config) (m *Model, err error) {
	defer graph.Catch(&err)
	given := c
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.Precision.Usable(); c.Device != graph.GPU && err != nil {
		return nil, err
	}
	b := c.builder()
	m = c.onGraph(b, graph.NewVariables(), graph.NewVariables())
	m.given = given
	m.attach()
	for _, s := range c.Arch.Specs() {
		if !s.Head && c.Method.Trains(s) { // even if the features do not depend on it, as on the attention pooling under another pool
			m.weight(s.Name, s.Shape...)
		}
	}
	m.predict()
	if err := m.checkRecompute(); err != nil {
		return nil, err
	}
	for i, place := range c.Places {
		if i > 0 {
			m.mirrors = append(m.mirrors, m.mirror(i, place))
		}
	}
	return m, nil
}

// checkRecompute returns an error if the mode of recomputation approximates gradients and saves nothing by it.
func (m *Model) checkRecompute() error {
	c := m.Config
	switch {
	case !c.Recompute.Approximate():
		return nil
	case m.prefix.blocks == len(c.Arch.Blocks()):
		return spell.Settingf("recompute", "%s %s has no use for the method %s: no gradient enters the backbone's blocks, so none of their GELUs saves anything", c.Recompute, c.Method.Name())
	case m.builder.CompactGELUs() == 0:
		return spell.Settingf("recompute", "%s %s has no use for this backbone: its MLPs have another activation than GELU", c.Recompute)
	}
	return nil
}

// builder starts a graph.
func (c Config) builder() *graph.Builder {
	b := graph.New(c.Recompute).Use(c.Precision).For(c.Device)
	if c.ChunkValues > 0 {
		b.Chunk(c.ChunkValues)
	}
	if c.XLA {
		b.ForXLA()
	}
	if len(c.Places) > 0 {
		b = b.On(c.Places[0])
	}
	return b
}

// declare starts a model without the parameters of the method and of the classifier (see attach).
func (c Config) declare(b *graph.Builder, frozen, trainable *graph.Variables) *Model {
	m := &Model{Config: c, builder: b, specs: map[string]backbone.Spec{}, Frozen: frozen, Trainable: trainable}
	for _, s := range c.Arch.Specs() {
		m.specs[s.Name] = s
	}
	return m
}

// onGraph is declare for a model that keeps what it derives from frozen weights in the session.
func (c Config) onGraph(b *graph.Builder, frozen, trainable *graph.Variables) *Model {
	m := c.declare(b, frozen, trainable)
	m.derive = func(name string, build func(b *graph.Builder) graph.Value) graph.Value {
		return frozen.Derive(b, name, build)
	}
	return m
}

// attach declares the parameters of the method and of the classifier.
func (m *Model) attach() {
	c := m.Config
	m.params = &Params{b: m.builder, vars: m.Trainable, free: map[string]bool{}, frozen: backbone.Forward{Arch: c.Arch, Weight: m.weight, Derive: m.derive}}
	m.newHook = c.Method.Attach(m.params, c.Arch)
	m.params.Declare(HeadWeight, TruncatedNormal(0.02), c.Classes, backbone.FeatureWidth(c.Arch, c.Pool)+m.params.more)
	m.params.DeclareFree(HeadBias, Zeros, c.Classes)
}

func (m *Model) placeholder(b *graph.Builder, batch int) graph.Value {
	dtype := tf.Uint8
	if m.Config.FloatImages {
		dtype = tf.Float
	}
	return b.Placeholder("images", dtype, batch, m.Config.Arch.ImageSize(), m.Config.Arch.ImageSize(), 3)
}

// check validates the settings and fills in defaults.
func (c *Config) check() error {
	if err := c.Arch.Validate(); err != nil {
		return err
	}
	if c.Classes < 1 {
		return fmt.Errorf("a classifier of %d classes is not possible", c.Classes)
	}
	if err := backbone.CheckPool(c.Arch, c.Pool); err != nil {
		return err
	}
	if !c.trainsBackbone() {
		c.Arch, _ = backbone.Fold(c.Arch, nil)
	}
	c.Precision, c.Recompute, c.Device = cmp.Or(c.Precision, graph.FP32), cmp.Or(c.Recompute, graph.RecomputeNone), cmp.Or(c.Device, defaultDevice)
	if _, err := graph.ParseRecompute(string(c.Recompute)); err != nil {
		return err
	}
	return c.checkPlaces()
}

// trainsBackbone tells whether the method trains weights of the backbone.
func (c Config) trainsBackbone() bool {
	return slices.ContainsFunc(c.Arch.Specs(), func(s backbone.Spec) bool { return !s.Head && c.Method.Trains(s) })
}

// Weights are the backbone's weights as a model with this configuration computes with them: folded if the method trains none of them
// (see backbone.Fold).
func (c Config) Weights(weights tensor.Map) tensor.Map {
	if !c.trainsBackbone() {
		_, weights = backbone.Fold(c.Arch, weights)
	}
	return weights
}

// features maps images [B, S, S, 3] to features [B, backbone.FeatureWidth].
func (m *Model) features(b *graph.Builder, images graph.Value, f *backbone.Forward) graph.Value {
	c := m.Config
	f.Arch, f.Weight, f.Derive = c.Arch, m.weight, m.derive
	return f.Features(b, b.Normalise(images, c.Mean, c.Std), c.Pool)
}

// hooked is a forward pass with the method, on whose values the prefix has been found.
func (m *Model) hooked() *backbone.Forward {
	return &backbone.Forward{Hook: m.newHook(), ShortEnd: m.prefix.shortEnd}
}

// forward maps images [B, S, S, 3] to logits [B, classes].
func (m *Model) forward(b *graph.Builder, images graph.Value, f *backbone.Forward) graph.Value {
	return m.classify(b, m.features(b, images, f))
}

// classify is the classifier: features to logits [B, classes] in float32.
func (m *Model) classify(b *graph.Builder, features graph.Value) graph.Value {
	b = b.In("head")
	weight, bias := m.param(HeadWeight), m.param(HeadBias)
	return b.Float(b.AddRow(b.LinearT(features, weight), bias))
}

// weight declares a weight of the backbone, trainable or frozen as the method decides.
func (m *Model) weight(name string, shape ...int) graph.Value {
	spec := m.specs[name]
	if m.Config.Method.Trains(spec) {
		return m.Trainable.Declare(m.builder, name, true, shape...).Value
	}
	if spec.Role == backbone.Kernel {
		return m.Frozen.DeclareKernel(m.builder, name, shape...).Value
	}
	return m.Frozen.Declare(m.builder, name, false, shape...).Value
}

// decays tells whether weight decay acts on a trainable variable: on all except biases and what the method exempts.
func (m *Model) decays(name string) bool {
	if spec, ok := m.specs[name]; ok {
		return spec.Role != backbone.Bias
	}
	return !m.params.free[name]
}

func (m *Model) param(name string) graph.Value {
	v, _ := m.Trainable.Lookup(name)
	return v.Value
}

// Initial returns the trainable tensors of a run that starts without an adapter, drawn with a seed. weights are the backbone's.
func (m *Model) Initial(weights tensor.Map, seed uint64) (tensor.Map, error) {
	all := maps.Clone(weights)
	maps.Copy(all, m.params.drawn(seed))
	derived, err := m.params.derived(weights)
	if err != nil {
		return nil, err
	}
	maps.Copy(all, derived)
	values := tensor.Map{}
	for _, v := range m.Trainable.All() {
		t, err := all[v.Name].Load()
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", v.Name, err)
		}
		values[v.Name] = t.Clone()
	}
	return values, nil
}

// Counts are parameter counts.
type Counts struct {
	Method     int `json:"trainable_without_classifier"`
	Unused     int `json:"unused,omitempty"` // of Method: parameters that the loss does not depend on (see Model.Unused)
	Classifier int `json:"classifier"`
	Frozen     int `json:"frozen"`
}

// Counts counts the parameters of the built graph.
func (m *Model) Counts() Counts {
	c := Counts{Frozen: m.Frozen.Elements(), Method: m.Trainable.Elements()}
	for _, name := range []string{HeadWeight, HeadBias} {
		v, _ := m.Trainable.Lookup(name)
		c.Classifier += tensor.Size(v.Shape)
	}
	c.Method -= c.Classifier
	for _, name := range m.Unused() {
		v, _ := m.Trainable.Lookup(name)
		c.Unused += tensor.Size(v.Shape)
	}
	return c
}

// Unused lists the trainable variables that the logits do not depend on, in order of declaration. Training leaves them as they are,
// without weight decay, like PyTorch's optimizers.
func (m *Model) Unused() []string {
	trainable := m.Trainable.All()
	leaves := make([]graph.Value, len(trainable))
	for i, v := range trainable {
		leaves[i] = v.Value
	}
	var names []string
	for i, reached := range graph.Reaches(m.logits, leaves) {
		if !reached {
			names = append(names, trainable[i].Name)
		}
	}
	return names
}

// AdapterShapes returns names and shapes of the tensors in an adapter file of this model: all trainable variables. If the
// method trains some of the backbone's weights, they are included under their .npz names; full fine-tuning writes them to a
// backbone file instead.
func (m *Model) AdapterShapes() map[string][]int {
	shapes := map[string][]int{}
	for _, p := range m.params.list {
		shapes[p.name] = p.shape
	}
	if len(m.Frozen.All()) == 0 { // training yields a new backbone
		return shapes
	}
	for _, v := range m.Trainable.All() {
		shapes[v.Name] = v.Shape
	}
	return shapes
}
