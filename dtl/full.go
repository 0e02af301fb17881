package dtl

import "dtl-tf/graph/backbone"

// full trains every weight of the backbone ("Full" in the paper's tables).
type full struct{ base }

func init() {
	Register(Definition{Name: "full", Place: 10, New: func(*Reader, backbone.Architecture) Method { return full{base{"full"}} }})
}

func (full) Trains(backbone.Spec) bool { return true }
