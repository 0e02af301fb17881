package dtl

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// trunk is the plain forward pass of a backbone. Tasks take its intermediate values.
type trunk struct {
	builder *graph.Builder
	frozen  *graph.Variables
	images  graph.Value
	values  map[string]graph.Value // inputs and outputs of blocks by name (see backbone.InputName), and features by featuresOf
	pickers map[string]picker      // for values and imagesName
}

// nodeName replaces what TensorFlow does not take in the name of a node.
func nodeName(name string) string { return strings.ReplaceAll(name, "+", "_and_") }

// featuresOf is the name of the features that a pool gives.
func featuresOf(p backbone.Pool) string { return "features/" + string(p) }

// imagesName is the name of the images among what tasks read.
const imagesName = "images"

// newTrunk builds the forward pass. All weights of the backbone that any method reads are variables of it.
func newTrunk(c Config) *trunk {
	b := c.builder()
	m := c.onGraph(b, graph.NewVariables(), graph.NewVariables())
	t := &trunk{builder: b, frozen: m.Frozen, pickers: map[string]picker{}}
	b = b.In("shared")
	t.images = m.placeholder(b, graph.Unknown)
	t.values = m.plainPass(b, t.images)
	for name, v := range t.values {
		t.values[name] = b.In(nodeName(name)).Float(v)
		t.pickers[name] = newPicker(b.In("rows/"+nodeName(name)), t.values[name])
	}
	t.pickers[imagesName] = newPicker(b.In("rows/"+imagesName), t.images)
	return t
}

// plainPass is the forward pass of a model without a method: images [B, S, S, 3] to the values of a trunk.
func (m *Model) plainPass(b *graph.Builder, images graph.Value) map[string]graph.Value {
	values, c := map[string]graph.Value{}, m.Config
	blocks := c.Arch.Blocks()
	see := func(_ *graph.Builder, at backbone.Tap, _, out graph.Value) graph.Value {
		switch at.Point {
		case backbone.Tokens:
			values[backbone.InputName(0)] = out
		case backbone.BlockInput:
			values[backbone.InputName(at.Block.Index)] = out
		case backbone.BlockOutput:
			values[backbone.OutputName(blocks, at.Block.Index)] = out
		}
		return out
	}
	f := &backbone.Forward{Arch: c.Arch, Weight: m.weight, Derive: m.derive, Hook: see}
	pools := c.Arch.Pools()
	values[featuresOf(pools[0])] = f.Features(b, b.Normalise(images, c.Mean, c.Std), pools[0])
	f.Hook = nil // it has seen the blocks
	last := backbone.OutputName(blocks, len(blocks)-1)
	for i, pool := range pools[1:] {
		given := backbone.Given{Blocks: len(blocks), Values: map[string]graph.Value{last: values[last]}}
		values[featuresOf(pool)] = f.Resume(b.In(fmt.Sprint("pool", 1+i)), given, pool)
	}
	before := len(blocks) - 1
	f.ShortEnd = true // as in a model that reads nothing else
	for i, pool := range pools {
		if backbone.EndOf(c.Arch, pool) != backbone.WholeEnd {
			name := backbone.InputName(before)
			given := backbone.Given{Blocks: before, Values: map[string]graph.Value{name: values[name]}}
			values[featuresOf(pool)] = f.Resume(b.In(fmt.Sprint("end", i)), given, pool)
		}
	}
	return values
}

// run computes the named values [n, ...], in float32 and held in TensorFlow's memory.
func (t *trunk) run(s *graph.Session, images tensor.Tensor, names []string) (map[string]tensor.Tensor, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if len(names) == 0 {
		return nil, nil
	}
	fetches := make([]tf.Output, len(names))
	for i, name := range names {
		fetches[i] = t.values[name].Output
	}
	out, err := s.RunHeld([]graph.Feed{{Output: t.images.Output, Value: images}}, fetches)
	if err != nil {
		return nil, err
	}
	values := map[string]tensor.Tensor{}
	for i, name := range names {
		values[name] = out[i]
	}
	return values, nil
}

// withoutMethod is a config for the backbone's plain forward pass.
func (c Config) withoutMethod() Config {
	plain := linear{base{"linear"}}
	c.Method, c.Classes, c.Pool = plain, 1, backbone.DefaultPool(c.Arch, plain.Pool())
	return c
}

// sharesFolded returns an error if a task can't share the folded weights of a backbone, because its method trained them before their
// folding. given is the architecture before it (see backbone.Fold).
func (c Config) sharesFolded(given backbone.Architecture) error {
	if c.Arch != given && c.trainsBackbone() {
		return fmt.Errorf("method %s trained the backbone, whose LayerScale is folded for the other tasks: use this adapter alone", c.Method.Name())
	}
	return nil
}
