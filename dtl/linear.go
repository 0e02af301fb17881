package dtl

import "dtl-tf/graph/backbone"

// linear trains the classifier alone, on the features of the frozen backbone ("Linear" in the paper's tables).
type linear struct{ base }

func init() {
	Register(Definition{Name: "linear", Place: 20, New: func(*Reader, backbone.Architecture) Method { return linear{base{"linear"}} }})
}
