package backbone

import (
	"math/rand/v2"

	"dtl-tf/graph/tensor"
)

// Random returns a backbone with weights drawn from its family's initial distribution, without a head.
func Random(a Architecture, seed uint64) (*Backbone, error) {
	bb, err := RandomDeferred(a, seed)
	if err != nil {
		return nil, err
	}
	bb.Weights, err = bb.Weights.Load()
	return bb, err
}

// RandomDeferred is Random with deferred weights (see tensor.Deferred): they take no memory, and are drawn whenever they are wanted.
func RandomDeferred(a Architecture, seed uint64) (*Backbone, error) {
	a = a.WithHead(0, Width(a))
	if err := a.Validate(); err != nil {
		return nil, err
	}
	weights, family := tensor.Map{}, familyOf(a)
	for i, s := range a.Specs() {
		weights[s.Name] = tensor.Tensor{Shape: s.Shape, Data: drawn{family.Fill, a, s, rand.NewPCG(seed, uint64(i)+1<<32)}}
	}
	sum, err := weights.Hash()
	if err != nil {
		return nil, err
	}
	return &Backbone{
		Description: Description{a, family.defaultsOf(a).Normalisation},
		Weights:     weights, Format: "random", SHA256: sum, Sources: every(FromName), fingerprint: sum,
	}, nil
}

// drawn is a weight that is drawn again whenever it is wanted.
type drawn struct {
	fill   func(random *rand.Rand, a Architecture, s Spec, out []float32)
	arch   Architecture
	spec   Spec
	source *rand.PCG // its state is that before the first number
}

func (d drawn) Whole() bool { return true }

func (d drawn) Read(at int, to []float32) error {
	again := *d.source
	all := to
	if at != 0 || len(to) != tensor.Size(d.spec.Shape) {
		all = make([]float32, tensor.Size(d.spec.Shape))
	}
	clear(all)
	d.fill(rand.New(&again), d.arch, d.spec, all)
	if len(all) != len(to) {
		copy(to, all[at:])
	}
	return nil
}
