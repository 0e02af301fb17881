// Package dtl holds Disentangled Transfer Learning (Fu, Zhu and Wu, AAAI 2024, arXiv 2312.07856) and the
// methods it is compared with: what each adds to a frozen backbone, what of it trains, and the
// training step around it. It knows nothing of files, flags or progress bars.
//
// A method is one file: it registers itself by name, declares its parameters and returns hooks for
// the tap points of the backbone (package backbone). No backbone knows a method.
package dtl

import (
	"fmt"
	"math/rand/v2"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Method adapts a backbone.
type Method interface {
	// Name is what --method calls it.
	Name() string
	// Pool is what the classifier sees unless the user says otherwise.
	Pool() backbone.Pool
	// Trains tells whether a weight of the backbone trains.
	Trains(weight backbone.Spec) bool
	// Attach declares the method's parameters and returns a function that makes the hook of one
	// forward pass (nil for none).
	Attach(p *Params, a backbone.Architecture) func() backbone.Hook
}

// Init makes the initial value of a parameter.
type Init func(random *rand.Rand, shape []int) tensor.Tensor

// Param is a trainable tensor that does not belong to the backbone.
type Param struct {
	Name  string
	Shape []int
	Init  Init
}

// Params collects what a method and the classifier declare.
type Params struct {
	b    *graph.Builder
	vars *graph.Variables
	list []Param
	free map[string]bool // of weight decay

	derivations []Derivation
}

// Declare adds a trainable parameter of the given shape. Names are those of the official implementation
// where it has the parameter.
func (p *Params) Declare(name string, init Init, shape ...int) graph.Value {
	p.list = append(p.list, Param{name, shape, init})
	return p.vars.Declare(p.b, name, true, shape...).Value
}

// DeclareFree is Declare for a parameter that weight decay leaves alone: a bias, and whatever else a method exempts.
func (p *Params) DeclareFree(name string, init Init, shape ...int) graph.Value {
	p.free[name] = true
	return p.Declare(name, init, shape...)
}

// Values draws the initial values of all parameters, in the order of their declaration.
func (p *Params) Values(seed uint64) tensor.Map {
	random := rand.New(rand.NewPCG(seed, initStream))
	values := tensor.Map{}
	for _, param := range p.list {
		values[param.Name] = param.Init(random, param.Shape)
	}
	return values
}

// InitialHead draws the values that a new classifier of the model has, by name: the same as without an adapter.
func (m *Model) InitialHead(seed uint64) tensor.Map {
	values := m.params.Values(seed)
	return tensor.Map{HeadWeight: values[HeadWeight], HeadBias: values[HeadBias]}
}

// initStream keeps the random numbers of the initial values apart from those of shuffling.
const initStream = 1

// oneStage refuses backbones whose blocks differ in size, for methods that put the same thing into all of them.
func oneStage(a backbone.Architecture) error {
	blocks := a.Blocks()
	for _, block := range blocks {
		if block.Stage != blocks[0].Stage {
			return fmt.Errorf("it needs blocks of one size, and this backbone has %d stages", blocks[len(blocks)-1].Stage+1)
		}
	}
	return nil
}

// narrowest is the smallest width of a block, the upper limit of ranks and bottlenecks.
func narrowest(a backbone.Architecture) int {
	width := a.Blocks()[0].Width
	for _, block := range a.Blocks() {
		width = min(width, block.Width)
	}
	return width
}
