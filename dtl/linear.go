package dtl

import "dtl-tf/graph/backbone"

// linear trains the classifier alone, on the features of the frozen backbone ("Linear" in the paper's tables).
type linear struct{}

func init() {
	Register(Definition{Name: "linear", Place: 20, New: func(*Reader, backbone.Architecture) Method { return linear{} }})
}

func (linear) Name() string              { return "linear" }
func (linear) Pool() backbone.Pool       { return backbone.PoolClass }
func (linear) Trains(backbone.Spec) bool { return false }
func (linear) Attach(*Params, backbone.Architecture) func() backbone.Hook {
	return func() backbone.Hook { return nil }
}
