package vit

import (
	"errors"
	"fmt"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
)

// formOfNPZ derives the form from the names of this program's tensors, as far as they tell it: those of files that it wrote itself.
// Google's have the plain one.
func formOfNPZ(m tensor.Map) Form {
	has := func(name string) bool { _, ok := m[name]; return ok }
	first := func(name string) bool { return has(inBlock(0, name)) }
	f := Form{
		NoClass: !has(classToken) && has(positions), Distilled: has(distillToken), PreNorm: has(preScale), NoPatchBias: !has(patchBias),
		LayerScale: first(scaleAttention), Gated: first(denseGate + "/kernel"), InnerNorm: first(innerNorm + "/scale"),
	}
	f.MapPool = f.NoClass && has(mapQuery)
	if t, ok := m[registers]; ok && len(t.Shape) == 3 {
		f.Registers = t.Shape[1]
	}
	if !first(attention + "key/bias") {
		if f.QKVBias = QueryValueBias; !first(attention + "query/bias") {
			f.QKVBias = NoQKVBias
		}
	}
	if p, ok := m[positions]; !ok {
		f.Positions = NoPositions
	} else if len(p.Shape) == 3 && !f.NoClass && (f.Registers > 0 || isSquare(p.Shape[1])) {
		f.Positions = PatchPositions
	}
	return f
}

// body is the form without the own head's part.
func (f Form) body() Form {
	f.WideHead, f.NoHeadBias = false, false
	return f
}

// needsDescription implements backbone.Family.NeedsDescription.
func needsDescription(a backbone.Architecture) bool { return a.(Architecture).body() != Form{} }

// adopt implements backbone.Layout.Adopt. No tensor tells rotary positions, activation, the rule of resampling and the order of
// norm and mean.
func adopt(shapes, described backbone.Architecture) (backbone.Architecture, error) {
	a := shapes.(Architecture)
	if described == nil {
		if needsDescription(a) {
			return nil, errors.New("it is no plain ViT, and the JSON that was written beside it, which describes it, is missing")
		}
		return a, nil
	}
	d := described.(Architecture)
	a.Rotary, a.Resampling, a.GELU, a.NormedMean = d.Rotary, d.Resampling, d.GELU, d.NormedMean
	if a.Image == 0 {
		a.Image = d.Image
	}
	d.Eps, d.Labels, d.Hidden, d.WideHead, d.NoHeadBias = a.Eps, a.Labels, a.Hidden, a.WideHead, a.NoHeadBias
	if a != d {
		return nil, fmt.Errorf("the description is of %s, the tensors are those of %s", d, a)
	}
	return a, nil
}
