package dtl

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/vit"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// someMethods lists all methods with DTL_HEAVY=1. Otherwise it lists DTL and three rivals: one that trains the backbone, one that
// changes weights, and one that adds tokens.
func someMethods() []string {
	if need.AllowsHeavy() {
		return Names()
	}
	return []string{"dtl", "dtl+", "full", "lora", "vpt-deep"}
}

// micro is an architecture on which a training step takes milliseconds.
var micro = vit.Architecture{Image: 16, Patch: 4, Width: 12, Depth: 4, Heads: 2, MLP: 48, Eps: backbone.LayerNormEps}

// setting describes a model to train. The zero values of its fields are the defaults of the tests.
type setting struct {
	arch        backbone.Architecture // nil: micro
	method      string
	options     Options // nil: the defaults
	batch       int     // 0: 4
	classes     int     // 0: 3
	dropPath    float64
	seed        uint64
	pool        backbone.Pool             // "": the method's
	adapter     func(m *Model) tensor.Map // nil: drawn initial values
	mode        graph.Recompute
	scope       DropPathScope
	microBatch  int
	chunkValues int
	precision   graph.Precision
	device      graph.Device // "": the processor
	soft        bool         // soft targets
	noise       float64      // standard deviation of what is added to the random weights
	places      []graph.Place
	more        func(*Training) // sets what is not here
}

// start builds the model on random weights and a trainer on images.
func (c setting) start(t *testing.T) *ImageTrainer {
	t.Helper()
	model, training, start := c.resolve(t)
	return closed(t, must(NewImageTrainer(model, training, start))(t))
}

// startPlain is start without this program's kernels, for which TensorFlow has no gradients. The ops of a graph for GPUs run on
// processors too.
func (c setting) startPlain(t *testing.T) *ImageTrainer {
	t.Helper()
	c.device = graph.GPU
	return c.start(t)
}

// startStored is start for training on stored values.
func (c setting) startStored(t *testing.T, element graph.Precision) *StoredTrainer {
	t.Helper()
	model, training, start := c.resolve(t)
	return closed(t, must(NewStoredTrainer(model, training, element, start))(t))
}

func (c setting) resolve(t *testing.T) (*Model, Training, Start) {
	t.Helper()
	need.NoError(t, c.precision.Usable())
	if c.arch == nil {
		c.arch = micro
	}
	if c.batch == 0 {
		c.batch = 4
	}
	if c.classes == 0 {
		c.classes = 3
	}
	method, _, err := newMethod(c.method, c.options, c.arch)
	if err != nil {
		t.Fatal(err)
	}
	if c.pool == "" {
		c.pool = method.Pool()
	}
	model, err := New(Config{
		Arch: c.arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: c.pool, Classes: c.classes,
		Recompute: c.mode, FloatImages: true, Precision: c.precision, ChunkValues: c.chunkValues, Device: c.device, Places: c.places,
	})
	if err != nil {
		t.Fatal(err)
	}
	bb, err := backbone.Random(c.arch, 5)
	if err != nil {
		t.Fatal(err)
	}
	if c.noise > 0 {
		addNoise(bb.Weights, c.noise)
	}
	start := Start{Session: threads, Weights: bb.Weights, Seed: c.seed}
	if c.adapter != nil {
		start.Adapter = c.adapter(model)
	}
	training := Training{Batch: c.batch, MicroBatch: c.microBatch, DropPath: c.dropPath, DropPathScope: c.scope, WeightDecay: 0.05, SoftTargets: c.soft}
	if c.more != nil {
		c.more(&training)
	}
	return model, training, start
}

// addNoise changes weights in place, so that no bias is zero and no scale one.
func addNoise(weights tensor.Map, deviation float64) {
	random := rand.New(rand.NewPCG(3, 96))
	for _, name := range weights.Names() {
		for i := range weights[name].Float32() {
			weights[name].Float32()[i] += float32(deviation * random.NormFloat64())
		}
	}
}

var threads = graph.SessionOptions{Threads: 2}

func randomWeights(a backbone.Architecture) (tensor.Map, error) {
	bb, err := backbone.Random(a, 5)
	if err != nil {
		return nil, err
	}
	return bb.Weights, nil
}

func open(t *testing.T, m *Model, weights tensor.Map, seed uint64, adapter tensor.Map) *Predictor {
	t.Helper()
	return closed(t, must(NewPredictor(m, Start{threads, weights, adapter, seed}))(t))
}

func openTrainer(t *testing.T, m *Model, training Training, weights tensor.Map, seed uint64, adapter tensor.Map) *ImageTrainer {
	t.Helper()
	return closed(t, must(NewImageTrainer(m, training, Start{threads, weights, adapter, seed}))(t))
}

// closed closes a session at the end of the test.
func closed[S interface{ Close() error }](t *testing.T, s S) S {
	t.Cleanup(func() { s.Close() })
	return s
}

// newMethod is NewMethod with options as flags spell them, both given and resolved.
func newMethod(name string, options Options, a backbone.Architecture) (Method, Options, error) {
	given, err := ParseOptions(name, options)
	if err != nil {
		return nil, nil, err
	}
	m, values, err := NewMethod(name, given, a)
	return m, values.Options(), err
}

// someBatch draws images in [-1, 1] and labels for a trainer.
func someBatch(s *Trainer, seed uint64) (tensor.Tensor, []int32) {
	random := rand.New(rand.NewPCG(seed, 99))
	n, side := s.training.Batch, s.Config.Arch.ImageSize()
	images := tensor.Zeros(n, side, side, 3)
	for i := range images.Float32() {
		images.Float32()[i] = 2*random.Float32() - 1
	}
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(i % s.Config.Classes)
	}
	return images, labels
}

// randomAdapter draws values for all declared parameters, so that none is zero, such as B in DTL.
func randomAdapter(m *Model) tensor.Map {
	random := rand.New(rand.NewPCG(1, 98))
	values := tensor.Map{}
	for _, p := range m.params.list {
		v := tensor.Zeros(p.shape...)
		for i := range v.Float32() {
			v.Float32()[i] = float32(0.3 * random.NormFloat64())
		}
		values[p.name] = v
	}
	return values
}

// must is for calls that fail only if the test itself is wrong.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// gradientsOf returns logits [B, classes], loss and the gradients of the trainable variables by name, without an update.
func gradientsOf(t *ImageTrainer, images tensor.Tensor, labels []int32) (logits tensor.Tensor, loss float64, gradients tensor.Map, err error) {
	fetches := []tf.Output{t.nodes.parts[0].logits.Output, t.nodes.loss.Output}
	var names []string
	for name, g := range t.nodes.gradients {
		names = append(names, name)
		fetches = append(fetches, g.Output)
	}
	feeds, err := t.feeds([]tensor.Tensor{images}, Targets{Labels: labels}, 0, 0)
	if err != nil {
		return logits, 0, nil, err
	}
	out, err := t.session.Run(feeds, fetches)
	if err != nil {
		return logits, 0, nil, fmt.Errorf("gradients: %w", err)
	}
	gradients = tensor.Map{}
	for i, name := range names {
		gradients[name] = out[i+2]
	}
	return out[0], float64(out[1].Float32()[0]), gradients, nil
}

// trainSteps trains on one batch and returns the losses.
func trainSteps(t *testing.T, s *ImageTrainer, steps int, rate float64) []float64 {
	t.Helper()
	images, labels := someBatch(s.Trainer, 1)
	losses := make([]float64, steps)
	for i := range losses {
		losses[i] = must(s.Step(images, labels, rate, i))(t)
	}
	return losses
}

// readWeights reads a .safetensors file.
func readWeights(t *testing.T, path string) tensor.Map {
	t.Helper()
	return must(weight.Open(path))(t).Tensors
}

// floats returns a tensor's elements in double precision.
func floats(t tensor.Tensor) []float64 {
	out := make([]float64, tensor.Size(t.Shape))
	for i, v := range t.Float32() {
		out[i] = float64(v)
	}
	return out
}

// relative is max|got - want| / max|want|. It is NaN if any element is.
func relative(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst, size := 0.0, 0.0
	for i := range want {
		worst = math.Max(worst, math.Abs(got[i]-want[i]))
		size = math.Max(size, math.Abs(want[i]))
	}
	if worst == 0 {
		return 0
	}
	return worst / size
}
