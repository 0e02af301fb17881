package vit

import (
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/backbone/vit/naming"
	"dtl-tf/graph/tensor"
)

// toTimm implements backbone.Family.Rename: tensors in any naming of the package naming get timm's names, for the layout timm.
func toTimm(m tensor.Map) (*backbone.Naming, error) {
	r, ok, err := naming.Rename(m)
	if err != nil || !ok {
		return nil, err
	}
	return &backbone.Naming{
		Tensors: r.Tensors, Name: r.Name, Library: string(r.Library), Network: string(r.Family), Unused: r.Unused, Skipped: r.Skipped,
		Complete: func(arch backbone.Architecture) backbone.Architecture {
			a := arch.(Architecture)
			a.Resampling = Resampling(r.Positions)
			return a
		},
		Settle: func(d *backbone.Defaults, s *backbone.Sources) {
			if r.Library != naming.TIMM { // whose values are the defaults anyway
				settle(r.Defaults, d, s)
			}
		},
	}, nil
}

// settle sets the values that the names tell.
func settle(tell naming.Defaults, d *backbone.Defaults, s *backbone.Sources) {
	d.Mean, d.Std, d.Eps = tell.Mean, tell.Std, tell.Eps
	d.Activation, d.AnyActivation = backbone.Activation(tell.Activation), !tell.Known.Activation
	if tell.Known.Normalisation {
		s.Mean, s.Std = backbone.FromNames, backbone.FromNames
	}
	if tell.Known.Eps {
		s.Eps = backbone.FromNames
	}
	if tell.Known.Activation && s.Blocks == backbone.FromGuess {
		s.Blocks = backbone.FromNames
	}
}
