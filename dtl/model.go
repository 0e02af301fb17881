package dtl

import (
	"fmt"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Config is everything that shapes the graph of a model.
type Config struct {
	Arch        backbone.Architecture
	Mean, Std   [3]float64 // input normalisation of the backbone: (image - Mean) / Std, image in 0..1
	Method      Method
	Pool        backbone.Pool
	Classes     int
	Batch       int     // images of a training step; 0 builds no training step
	MicroBatch  int     // images processed at a time within a step, a divisor of Batch; 0 for all
	DropPath    float64 // stochastic-depth rate of the last block, linear from 0 at the first
	WeightDecay float64
	// DropPathScope is the set of blocks that stochastic depth acts on; "" is DropPathAll.
	DropPathScope DropPathScope
	Recompute     graph.Recompute
	Precision     graph.Precision // "" is FP32
	// Store builds the training step on stored values of this element type (see Stored) instead of images, unless it is "".
	Store  graph.Precision
	Device graph.Device // "" is graph.Processor
	// ChunkValues is the size of a chunk in values (samples x tokens x width), for blocks that run in chunks; 0 is the
	// device's default.
	ChunkValues int
	// FloatImages takes images as float32, ready to be normalised, instead of bytes.
	FloatImages bool
}

// DropPathScope selects the blocks that stochastic depth acts on.
type DropPathScope string

const (
	// DropPathAll is all blocks, as in the paper.
	DropPathAll DropPathScope = "all"
	// DropPathSuffix is the blocks after the prefix (see Model.Stored), at the same rates as with DropPathAll.
	DropPathSuffix DropPathScope = "suffix"
)

// Model is the graph of a backbone with a method and a classifier. Start opens a session on it.
type Model struct {
	Config Config
	// Frozen holds the backbone's frozen weights. Trainable holds the method's parameters, the classifier (HeadWeight,
	// HeadBias) and the backbone weights that the method trains.
	Frozen, Trainable *graph.Variables

	prefix    prefix
	params    *Params
	specs     map[string]backbone.Spec // of the backbone's weights, by name
	optimizer *graph.AdamW
	builder   *graph.Builder
	train     trainPart
	images    graph.Value
	logits    graph.Value
}

// The classifier's parameters under their official names: [classes, d] and [classes].
const (
	HeadWeight = "head.weight"
	HeadBias   = "head.bias"
)

// New builds the graph: the forward pass for any number of images and, unless Config.Batch is 0, the training step. It
// returns an error for settings that contradict each other or the architecture.
func New(c Config) (m *Model, err error) {
	defer graph.Catch(&err)
	if err := c.Arch.Validate(); err != nil {
		return nil, err
	}
	if c.Classes < 1 {
		return nil, fmt.Errorf("a classifier of %d classes is not possible", c.Classes)
	}
	if c.Precision == "" {
		c.Precision = graph.FP32
	}
	if err := c.Precision.Usable(); c.Device != graph.GPU && err != nil {
		return nil, err
	}
	b := graph.New(c.Recompute).Use(c.Precision).For(c.Device)
	if c.ChunkValues > 0 {
		b.Chunk(c.ChunkValues)
	}
	m = &Model{Config: c, builder: b, specs: specs(c.Arch), Frozen: graph.NewVariables(), Trainable: graph.NewVariables()}
	m.params = &Params{b: b, vars: m.Trainable, free: map[string]bool{}}
	newHook := c.Method.Attach(m.params, c.Arch)
	m.params.Declare(HeadWeight, TruncatedNormal(0.02), c.Classes, backbone.Width(c.Arch))
	m.params.DeclareFree(HeadBias, Zeros, c.Classes)

	m.images = m.placeholder(b.In("predict"), graph.Unknown)
	w := watch(newHook(), c.Arch)
	m.logits = m.forward(b.In("predict"), m.images, &backbone.Forward{Hook: w.see})
	m.prefix = w.found()
	m.prefix.fetches = m.prefix.fetched(b.In("store"))
	if c.Batch > 0 {
		if err := c.checkMicroBatch(); err != nil {
			return nil, err
		}
		if c.Store != "" && len(m.Stored()) == 0 {
			return nil, fmt.Errorf("there is nothing to store with method %s and drop path %g (%s)", c.Method.Name(), c.DropPath, c.DropPathScope)
		}
		m.buildStep(b.In("train"), newHook())
	}
	return m, nil
}

func specs(a backbone.Architecture) map[string]backbone.Spec {
	byName := map[string]backbone.Spec{}
	for _, s := range a.Specs() {
		byName[s.Name] = s
	}
	return byName
}

func (m *Model) placeholder(b *graph.Builder, batch int) graph.Value {
	dtype := tf.Uint8
	if m.Config.FloatImages {
		dtype = tf.Float
	}
	return b.Placeholder("images", dtype, batch, m.Config.Arch.ImageSize(), m.Config.Arch.ImageSize(), 3)
}

// forward maps images [B, S, S, 3] to logits [B, classes].
func (m *Model) forward(b *graph.Builder, images graph.Value, f *backbone.Forward) graph.Value {
	c := m.Config
	f.Arch, f.Weight = c.Arch, m.weight
	return m.classify(b, f.Features(b, b.Normalise(images, c.Mean, c.Std), c.Pool))
}

// resume maps stored values to logits [B, classes].
func (m *Model) resume(b *graph.Builder, given backbone.Given, f *backbone.Forward) graph.Value {
	f.Arch, f.Weight = m.Config.Arch, m.weight
	return m.classify(b, f.Resume(b, given, m.Config.Pool))
}

// classify is the classifier: features [B, d] to logits [B, classes] in float32.
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

// Counts are parameter counts.
type Counts struct {
	Method     int `json:"trainable_without_classifier"`
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
	return c
}

// TrainsBackbone tells whether every backbone weight trains, so that training yields a new backbone.
func (m *Model) TrainsBackbone() bool { return len(m.Frozen.All()) == 0 }

// AdapterShapes returns names and shapes of the tensors in an adapter file of this model: all trainable variables. If the
// method trains some of the backbone's weights, they are included under their .npz names; full fine-tuning writes them to a
// backbone file instead.
func (m *Model) AdapterShapes() map[string][]int {
	shapes := map[string][]int{}
	for _, p := range m.params.list {
		shapes[p.Name] = p.Shape
	}
	if m.TrainsBackbone() {
		return shapes
	}
	for _, v := range m.Trainable.All() {
		shapes[v.Name] = v.Shape
	}
	return shapes
}
