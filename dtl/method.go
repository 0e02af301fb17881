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
	"slices"
	"strings"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// Options are the settings of the methods; each reads those it needs.
type Options struct {
	Rank         int     // r of the low-rank maps
	Beta         float64 // slope of theta(h) = h sigmoid(beta h)
	FeedbackFrom int     // M, counted from 0: theta(h) is added after blocks M..N-1
	Kernel       int     // k of the depth-wise convolution of dtl+
}

// Defaults are the paper's settings for ViT-B/16, the kernel that of the official code. M is half the depth: 6 of 12 blocks.
func Defaults(a backbone.Architecture) Options {
	return Options{Rank: 2, Beta: 100, FeedbackFrom: a.Depth / 2, Kernel: 3}
}

// Method adapts a backbone.
type Method interface {
	// Name is what --method calls it.
	Name() string
	// Pool is what the classifier sees unless the user says otherwise.
	Pool() backbone.Pool
	// Trains tells whether a weight of the backbone trains.
	Trains(weight string) bool
	// Attach declares the method's parameters and returns a function that makes the hook of one
	// forward pass (nil for none).
	Attach(p *Params, a backbone.Architecture) func() backbone.Hook
	// Uses names the options that matter to the method.
	Uses() []Option
}

// Option names a field of Options.
type Option string

// The options by the names of their flags.
const (
	OptionRank         Option = "rank"
	OptionBeta         Option = "beta"
	OptionFeedbackFrom Option = "feedback-from"
	OptionKernel       Option = "kernel"
)

// constructors makes methods by name; every method's file adds its own.
var constructors = map[string]func(Options, backbone.Architecture) (Method, error){}

func register(name string, make func(Options, backbone.Architecture) (Method, error)) {
	constructors[name] = make
}

// Names lists the methods.
func Names() []string {
	names := make([]string, 0, len(constructors))
	for name := range constructors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// NewMethod makes a method and checks its options against the backbone.
func NewMethod(name string, o Options, a backbone.Architecture) (Method, error) {
	construct, ok := constructors[name]
	if !ok {
		return nil, fmt.Errorf("unknown method %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	return construct(o, a)
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
}

// Declare adds a trainable parameter of the given shape. Names are those of the official implementation
// where it has the parameter.
func (p *Params) Declare(name string, init Init, shape ...int) graph.Value {
	p.list = append(p.list, Param{name, shape, init})
	return p.vars.Declare(p.b, name, true, shape...).Value
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

// initStream keeps the random numbers of the initial values apart from those of shuffling.
const initStream = 1

// decays tells whether weight decay acts on a parameter: on everything but biases, by both naming schemes.
func decays(name string) bool {
	return !backbone.IsBias(name) && !strings.HasSuffix(name, ".bias")
}
