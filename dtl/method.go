// Package dtl implements Disentangled Transfer Learning (Fu, Zhu and Wu, AAAI 2024, arXiv 2312.07856) and the methods it
// is compared with: what each adds to a frozen backbone, which parameters train, and the training step. It knows nothing
// of files, flags or progress bars.
//
// A method is one file: it registers itself by name, declares its parameters and returns hooks for the taps of the backbone
// (package backbone). No backbone knows a method.
package dtl

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Method adapts a backbone.
type Method interface {
	// Name is the registered name.
	Name() string
	// Pool is the default input of the classifier (see backbone.DefaultPool).
	Pool() backbone.Pool
	// Trains tells whether the method trains a weight of the backbone.
	Trains(weight backbone.Spec) bool
	// Attach declares the method's parameters. The returned function builds the hook of one forward pass, nil for none.
	Attach(p *Params, a backbone.Architecture) func() backbone.Hook
}

// base is what most methods share: a frozen backbone, a classifier of the class token, and no parameters. Every method embeds it
// and overrides what differs.
type base struct{ name string }

func (m base) Name() string            { return m.name }
func (base) Pool() backbone.Pool       { return backbone.PoolClass }
func (base) Trains(backbone.Spec) bool { return false }
func (base) Attach(*Params, backbone.Architecture) func() backbone.Hook {
	return func() backbone.Hook { return nil }
}

// Init draws the initial value of a parameter.
type Init func(random *rand.Rand, shape []int) tensor.Tensor

// param is a trainable tensor that does not belong to the backbone.
type param struct {
	name  string
	shape []int
	init  Init
}

// Params collects the parameters that a method and the classifier declare.
type Params struct {
	b    *graph.Builder
	vars *graph.Variables
	list []param
	free map[string]bool // exempt from weight decay

	derive func(weights tensor.Map) (tensor.Map, error) // nil for none

	frozen backbone.Forward // without a hook
	more   int              // features that the classifier reads besides those of the pool
}

// Forward returns forward passes of the backbone with its own weights and another hook, for a method that runs a block on other tokens.
func (p *Params) Forward(hook backbone.Hook) *backbone.Forward {
	f := p.frozen
	f.Hook = hook
	return &f
}

// Read makes the classifier read more features than the pool gives. The hook returns all of them at the tap Features.
func (p *Params) Read(more int) { p.more += more }

// Declare adds a trainable parameter of the given shape. Use the official implementation's name where it has the
// parameter: adapter files are exchanged under these names.
func (p *Params) Declare(name string, init Init, shape ...int) graph.Value {
	p.list = append(p.list, param{name, shape, init})
	return p.vars.Declare(p.b, name, true, shape...).Value
}

// DeclareFree is Declare for a parameter without weight decay: a bias, or another one that the method exempts.
func (p *Params) DeclareFree(name string, init Init, shape ...int) graph.Value {
	p.free[name] = true
	return p.Declare(name, init, shape...)
}

// drawn draws the initial values of all parameters in the order of declaration.
func (p *Params) drawn(seed uint64) tensor.Map {
	random := rand.New(rand.NewPCG(seed, initStream))
	values := tensor.Map{}
	for _, v := range p.list {
		values[v.name] = v.init(random, v.shape)
	}
	return values
}

// Derive registers initial values that depend on the backbone. from gets the backbone's weights, named as in .npz files, which it
// must not modify; the values that it returns replace those drawn by the parameters' Init. A method may call Derive once.
func (p *Params) Derive(from func(weights tensor.Map) (tensor.Map, error)) {
	if p.derive != nil {
		panic("a method calls Derive twice")
	}
	p.derive = from
}

// derived computes the values that Derive registered, if any.
func (p *Params) derived(weights tensor.Map) (tensor.Map, error) {
	if p.derive == nil {
		return nil, nil
	}
	values, err := p.derive(weights)
	if err != nil {
		return nil, fmt.Errorf("initial values from the backbone's weights: %w", err)
	}
	return values, nil
}

// covered tells whether values include every declared parameter, so that none needs an initial value.
func (p *Params) covered(values tensor.Map) bool {
	return !slices.ContainsFunc(p.list, func(v param) bool {
		_, ok := values[v.name]
		return !ok
	})
}

// InitialHead draws the initial values of the classifier, by name. They are those of a run that starts without an adapter.
func (m *Model) InitialHead(seed uint64) tensor.Map {
	values := m.params.drawn(seed)
	return tensor.Map{HeadWeight: values[HeadWeight], HeadBias: values[HeadBias]}
}

// initStream separates the random numbers of initial values from those of shuffling.
const initStream = 1

// stageCount is the number of stages of a backbone.
func stageCount(a backbone.Architecture) int {
	blocks := a.Blocks()
	return blocks[len(blocks)-1].Stage + 1
}

// oneStage makes a Definition's Supports for methods that need blocks of one size. why is the first half of the error.
func oneStage(why string) func(a backbone.Architecture) error {
	return func(a backbone.Architecture) error {
		if n := stageCount(a); n > 1 {
			return fmt.Errorf("%s, and this backbone has %d stages of different sizes", why, n)
		}
		return nil
	}
}

// blockPrefix begins the names of a block's parameters, as in timm: "blocks.3.", in a backbone of several stages
// "layers.2.blocks.3.", counted from the start of the stage.
func blockPrefix(a backbone.Architecture, block backbone.Block) string {
	if stageCount(a) == 1 {
		return fmt.Sprintf("blocks.%d.", block.Index)
	}
	first := slices.IndexFunc(a.Blocks(), func(b backbone.Block) bool { return b.Stage == block.Stage })
	return fmt.Sprintf("layers.%d.blocks.%d.", block.Stage, block.Index-first)
}

// narrowest is the smallest width of a block, the limit for ranks and bottlenecks.
func narrowest(a backbone.Architecture) int {
	width := a.Blocks()[0].Width
	for _, block := range a.Blocks() {
		width = min(width, block.Width)
	}
	return width
}
