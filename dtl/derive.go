package dtl

import (
	"fmt"

	"dtl-tf/graph/tensor"
)

// Derivation makes initial values from the weights of the backbone, by .npz names. It must not change them.
type Derivation func(weights tensor.Map) (tensor.Map, error)

// Derive gives declared parameters initial values that depend on the backbone. Those that d returns replace what the
// parameters' Init draws.
func (p *Params) Derive(d Derivation) { p.derivations = append(p.derivations, d) }

// Derived makes the values that come from the backbone's weights.
func (p *Params) Derived(weights tensor.Map) (tensor.Map, error) {
	values := tensor.Map{}
	for _, derive := range p.derivations {
		derived, err := derive(weights)
		if err != nil {
			return nil, fmt.Errorf("initial values from the backbone's weights: %w", err)
		}
		for name, value := range derived {
			values[name] = value
		}
	}
	return values, nil
}

// covered tells whether values hold every declared parameter, so that none needs an initial value.
func (p *Params) covered(values tensor.Map) bool {
	for _, param := range p.list {
		if _, ok := values[param.Name]; !ok {
			return false
		}
	}
	return true
}
