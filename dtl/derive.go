package dtl

import (
	"fmt"
	"maps"

	"dtl-tf/graph/tensor"
)

// Derivation computes initial values of parameters from the backbone's weights, which are named as in .npz files. It
// must not modify the weights.
type Derivation func(weights tensor.Map) (tensor.Map, error)

// Derive registers initial values that depend on the backbone. The values that d returns replace those drawn by the
// parameters' Init.
func (p *Params) Derive(d Derivation) { p.derivations = append(p.derivations, d) }

// Derived computes the registered values from the backbone's weights.
func (p *Params) Derived(weights tensor.Map) (tensor.Map, error) {
	values := tensor.Map{}
	for _, derive := range p.derivations {
		derived, err := derive(weights)
		if err != nil {
			return nil, fmt.Errorf("initial values from the backbone's weights: %w", err)
		}
		maps.Copy(values, derived)
	}
	return values, nil
}

// covered tells whether values include every declared parameter, so that none needs an initial value.
func (p *Params) covered(values tensor.Map) bool {
	for _, param := range p.list {
		if _, ok := values[param.Name]; !ok {
			return false
		}
	}
	return true
}
