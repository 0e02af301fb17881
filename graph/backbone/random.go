package backbone

import (
	"math/rand/v2"

	"dtl-tf/graph/tensor"
)

// Random returns a backbone with weights drawn from its family's initial distribution, without a head.
func Random(a Architecture, seed uint64) (*Backbone, error) {
	a = a.WithHead(0, Width(a))
	if err := a.Validate(); err != nil {
		return nil, err
	}
	weights, family := tensor.Map{}, familyOf(a)
	for i, s := range a.Specs() {
		t := tensor.Zeros(s.Shape...)
		family.Fill(rand.New(rand.NewPCG(seed, uint64(i)+1<<32)), a, s, t.Float32())
		weights[s.Name] = t
	}
	return &Backbone{
		Description: Description{a, family.defaultsOf(a).Normalisation},
		Weights:     weights, Format: "random", SHA256: weights.SHA256(), Sources: every(FromName),
	}, nil
}
