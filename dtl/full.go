package dtl

import "dtl-tf/graph/backbone"

// full trains every weight of the backbone ("Full" in the paper's tables).
type full struct{}

func init() {
	Register(Definition{Name: "full", Place: 10, New: func(*Reader, backbone.Architecture) Method { return full{} }})
}

func (full) Name() string              { return "full" }
func (full) Pool() backbone.Pool       { return backbone.PoolClass }
func (full) Trains(backbone.Spec) bool { return true }
func (full) Attach(*Params, backbone.Architecture) func() backbone.Hook {
	return func() backbone.Hook { return nil }
}
