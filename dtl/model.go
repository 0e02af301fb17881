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
	Mean, Std   [3]float64 // input normalisation of the backbone
	Method      Method
	Pool        backbone.Pool
	Classes     int
	Batch       int     // images of a training step; 0 builds no training step
	MicroBatch  int     // images of a training step that are worked on at a time, a divisor of Batch; 0 for all
	DropPath    float64 // stochastic-depth rate of the last block, linear from 0 at the first
	WeightDecay float64
	// DropPathScope says which blocks stochastic depth acts on; "" is DropPathAll.
	DropPathScope DropPathScope
	Recompute     graph.Recompute
	Precision     graph.Precision // "" is FP32
	// Store, where not "", builds the training step on stored values of that element type (see Stored) instead of images.
	Store  graph.Precision
	Device graph.Device // "" is graph.Processor
	// ChunkValues is how many values (samples x tokens x width) a block works on at a time where it works in chunks; 0 is what
	// suits the device.
	ChunkValues int
	// FloatImages says that images come as float32, as they are to be normalised; else they are bytes.
	FloatImages bool
}

// DropPathScope says where stochastic depth acts.
type DropPathScope string

const (
	// DropPathAll lets it act on all blocks, as the paper does.
	DropPathAll DropPathScope = "all"
	// DropPathSuffix spares the blocks that never change (see Model.Stored), at the same rates for the others.
	DropPathSuffix DropPathScope = "suffix"
)

// Model is a backbone with a method and a classifier, ready to be run by a session.
type Model struct {
	Config Config
	// Frozen are the backbone's weights as they are, Trainable all that trains: the method's
	// parameters, the classifier (HeadWeight, HeadBias) and the backbone's weights in full fine-tuning.
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

// The classifier's parameters, by the official names: [classes, d] and [classes].
const (
	HeadWeight = "head.weight"
	HeadBias   = "head.bias"
)

// New builds the graph: the forward pass for any number of images and, if Config.Batch is not 0, the
// training step.
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

// forward is images to logits [B, classes].
func (m *Model) forward(b *graph.Builder, images graph.Value, f *backbone.Forward) graph.Value {
	c := m.Config
	f.Arch, f.Weight = c.Arch, m.weight
	return m.classify(b, f.Features(b, b.Normalise(images, c.Mean, c.Std), c.Pool))
}

// resume is stored values to logits [B, classes].
func (m *Model) resume(b *graph.Builder, given backbone.Given, f *backbone.Forward) graph.Value {
	f.Arch, f.Weight = m.Config.Arch, m.weight
	return m.classify(b, f.Resume(b, given, m.Config.Pool))
}

// classify is the new classifier: features [B, d] to logits [B, classes].
func (m *Model) classify(b *graph.Builder, features graph.Value) graph.Value {
	b = b.In("head")
	weight, bias := m.param(HeadWeight), m.param(HeadBias)
	return b.Float(b.AddRow(b.LinearT(features, weight), bias))
}

// weight gives a weight of the backbone, frozen or training as the method says.
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

// decays tells whether weight decay acts on something that trains: on everything but biases and what the method exempts.
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

// Counts are numbers of parameters.
type Counts struct {
	Method     int `json:"trainable_without_classifier"`
	Classifier int `json:"classifier"`
	Frozen     int `json:"frozen"`
}

// Counts counts from the built graph.
func (m *Model) Counts() Counts {
	c := Counts{Frozen: m.Frozen.Elements(), Method: m.Trainable.Elements()}
	for _, name := range []string{HeadWeight, HeadBias} {
		v, _ := m.Trainable.Lookup(name)
		c.Classifier += tensor.Size(v.Shape)
	}
	c.Method -= c.Classifier
	return c
}

// TrainsBackbone tells whether all of the backbone trains, so that what comes out is a backbone of its own.
func (m *Model) TrainsBackbone() bool { return len(m.Frozen.All()) == 0 }

// AdapterShapes lists what an adapter file of this model holds: everything that trains. The weights of the
// backbone are among them, by their .npz names, if a method trains some of them; full fine-tuning leaves them to
// a backbone file.
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
