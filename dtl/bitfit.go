package dtl

import (
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// bitFit trains the biases of the backbone and no other weight of it (Ben Zaken, Goldberg and Ravfogel, "BitFit", ACL
// 2022, arXiv 2106.10199, section 3): those of the patch embedding, of query, key, value and projection, of both MLP
// layers and of every LayerNorm, in a Swin also the tables of relative position biases. VPT's code (KMnP/vpt) trains the same
// parameters as "tinytl-bias": all with "bias" in their name. The key's bias shifts all scores of a query equally, so its gradient is
// zero; it still counts as a trainable parameter.
type bitFit struct{ base }

func init() {
	Register(Definition{Name: "bitfit", Place: 30, New: func(*Reader, backbone.Architecture) Method { return bitFit{base{"bitfit"}} }})
}

func (bitFit) Trains(w backbone.Spec) bool { return w.Role == backbone.Bias }

// merge replaces the backbone's biases with the trained ones.
func (bitFit) merge(m *merger, a backbone.Architecture) {
	for _, s := range a.Specs() {
		if s.Role == backbone.Bias && !s.Head {
			copy(m.weight(s.Name, tensor.Size(s.Shape)), m.parameter(s.Name, s.Shape...))
		}
	}
}
