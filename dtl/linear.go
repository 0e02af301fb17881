package dtl

import "dtl-tf/graph/backbone"

// linear trains the classifier alone, on the features of the frozen backbone ("Linear" in the paper's tables).
type linear struct{}

func init() {
	register("linear", func(Options, backbone.Architecture) (Method, error) { return linear{}, nil })
}

func (linear) Name() string        { return "linear" }
func (linear) Pool() backbone.Pool { return backbone.PoolClass }
func (linear) Trains(string) bool  { return false }
func (linear) Uses() []Option      { return nil }
func (linear) Attach(*Params, backbone.Architecture) func() backbone.Hook {
	return func() backbone.Hook { return nil }
}
