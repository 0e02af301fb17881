package backbone

import (
	"errors"
	"fmt"
	"slices"

	"dtl-tf/graph/spell"
	"dtl-tf/graph/tensor"
)

// settle sets the values that tensors leave open. A flag or an adapter has precedence, then the companion files in their order,
// then what the format documents, then a guess. pooled means that the last norm comes after the pooling.
func (bb *Backbone) settle(l Layout, pooled bool, found []companion, source tensor.Map, o Options) error {
	for _, t := range found {
		if t.own {
			bb.sidecar = t.source()
		}
	}
	family := familyOf(bb.Architecture)
	description := first(found, func(t companion) bool { return t.described != nil })
	if err := bb.adopt(l, description); err != nil {
		return err
	}
	defaults := family.defaultsOf(bb.Architecture)
	if l.Defaults != nil {
		defaults = l.Defaults(source, defaults)
	}
	bb.Sources = l.Sources
	bb.naming.settle(&defaults, &bb.Sources)
	if description != nil {
		defaults.Activation, defaults.AnyActivation = bb.Activation(), false
	}
	bb.Normalisation = defaults.Normalisation
	bb.Architecture = bb.With(Sizes{Eps: defaults.Eps, Activation: defaults.Activation})
	bb.settleLineage(defaults)
	if t := first(found, func(t companion) bool { return t.plain }); t != nil && bb.Sources.Blocks == FromGuess {
		bb.Sources.Blocks = t.source()
	}
	bb.settleImage(defaults, found, o.Image)
	if err := bb.settleNormalisation(found); err != nil {
		return err
	}
	bb.settleEps(found, o.Eps)
	bb.settleActivation(found, o.Activation)
	if err := bb.settleHeads(defaults, found, o.Heads); err != nil {
		return err
	}
	if err := bb.settleAnswers(found); err != nil {
		return err
	}
	return bb.settlePool(pooled, defaults, found)
}

// settleAnswers takes over what a sidecar says of the own head's answers.
func (bb *Backbone) settleAnswers(found []companion) error {
	t := first(found, func(t companion) bool { return t.answers.Several || t.answers.Classes != nil })
	if t == nil {
		return nil
	}
	if n := len(t.answers.Classes); n > 0 && n != bb.Classes() {
		return fmt.Errorf("%s names %d classes, and the own head has %d", t.file, n, bb.Classes())
	}
	bb.Answers = t.answers
	return nil
}

// adopt takes over the architecture that a sidecar describes, nil if none does.
func (bb *Backbone) adopt(l Layout, t *companion) (err error) {
	switch {
	case l.Adopt == nil && t != nil:
		return fmt.Errorf("%s has a description, which only the .npz files of this program have: remove it", t.file)
	case l.Adopt == nil:
		return nil
	case t == nil:
		bb.Architecture, err = l.Adopt(bb.Architecture, nil)
		return err
	case t.described.Family() != bb.Family():
		return fmt.Errorf("%s describes a %s, the tensors are those of a %s", t.file, Title(t.described.Family()), Title(bb.Family()))
	}
	if bb.Architecture, err = l.Adopt(bb.Architecture, t.described); err != nil {
		return fmt.Errorf("%s: %w", t.file, err)
	}
	return nil
}

// settleLineage replaces guesses by what is usual for the published networks of the architecture's form.
func (bb *Backbone) settleLineage(d Defaults) {
	s := &bb.Sources
	if d.AnyActivation {
		s.Activation = FromGuess
	}
	if !d.Known {
		return
	}
	for _, source := range []*Source{&s.Blocks, &s.Eps, &s.Mean, &s.Std, &s.Pool} {
		if *source == FromGuess {
			*source = FromLineage
		}
	}
}

// first is the first companion file that specifies something, or nil.
func first(found []companion, says func(t companion) bool) *companion {
	if i := slices.IndexFunc(found, says); i >= 0 {
		return &found[i]
	}
	return nil
}

// settleActivation settles the activation. Sources.Blocks covers the usual one.
func (bb *Backbone) settleActivation(found []companion, adapter Activation) {
	set := func(a Activation, from Source) {
		if bb.Architecture = bb.With(Sizes{Activation: a}); bb.Sources.Activation != "" || bb.Activation() != GELU {
			bb.Sources.Activation = from
		}
	}
	t := first(found, func(t companion) bool { return t.activation != "" })
	if t != nil {
		set(t.activation, t.source())
	}
	if adapter == "" {
		return
	}
	if t != nil && t.activation != adapter {
		bb.remarks = append(bb.remarks, fmt.Sprintf("activation %s as the adapter was trained, in place of the %s of %s", adapter, t.activation, t.source()))
	}
	set(adapter, FromAdapter)
}

// settleNormalisation settles mean and std. If two files of other programs disagree, neither has precedence, so that is an error.
func (bb *Backbone) settleNormalisation(found []companion) error {
	for _, n := range []struct {
		name   string
		of     func(t companion) []float64
		value  *[3]float64
		source *Source
	}{
		{"mean", func(t companion) []float64 { return t.mean }, &bb.Mean, &bb.Sources.Mean},
		{"std", func(t companion) []float64 { return t.std }, &bb.Std, &bb.Sources.Std},
	} {
		var by *companion
		for i, t := range found {
			switch {
			case n.of(t) == nil:
			case by == nil:
				by = &found[i]
				*n.value, *n.source = [3]float64(n.of(t)), t.source()
			case !by.own && !slices.Equal(n.of(*by), n.of(t)):
				return fmt.Errorf("%s says that its %s is %v, %s says %v: correct or remove one of them", by.file, n.name, n.of(*by), t.file, n.of(t))
			}
		}
	}
	if t := first(found, func(t companion) bool { return t.normalised != nil }); t != nil { // no list, but the kind of network
		if bb.Sources.Mean == FromGuess {
			bb.Mean, bb.Sources.Mean = [3]float64(t.normalised.mean), t.source()
		}
		if bb.Sources.Std == FromGuess {
			bb.Std, bb.Sources.Std = [3]float64(t.normalised.std), t.source()
		}
	}
	return nil
}

// settleImage settles the image size if the shapes leave it open.
func (bb *Backbone) settleImage(defaults Defaults, found []companion, flag int) {
	if bb.ImageSize() != 0 {
		return
	}
	t := first(found, func(t companion) bool { return t.image != 0 })
	switch {
	case flag != 0:
		bb.Architecture, bb.Sources.Image = bb.With(Sizes{Image: flag}), FromFlag
	case t != nil:
		bb.Architecture, bb.Sources.Image = bb.With(Sizes{Image: t.image}), t.source()
	default:
		bb.Architecture, bb.Sources.Image = bb.With(Sizes{Image: defaults.Image}), FromGuess
	}
}

func (bb *Backbone) settleEps(found []companion, adapter float64) {
	t := first(found, func(t companion) bool { return t.eps != 0 })
	if t != nil {
		bb.Architecture, bb.Sources.Eps = bb.With(Sizes{Eps: t.eps}), t.source()
	}
	if adapter == 0 {
		return
	}
	if t != nil && t.eps != adapter {
		bb.remarks = append(bb.remarks, fmt.Sprintf("layer_norm_eps %v as the adapter was trained, in place of the %v of %s", adapter, t.eps, t.source()))
	}
	bb.Architecture, bb.Sources.Eps = bb.With(Sizes{Eps: adapter}), FromAdapter
}

func (bb *Backbone) settleHeads(defaults Defaults, found []companion, flag int) error {
	t := first(found, func(t companion) bool { return t.heads != 0 })
	width := Width(bb.Architecture)
	switch {
	case bb.Sources.Heads == FromFile:
	case flag != 0:
		if t != nil && t.heads != flag {
			bb.remarks = append(bb.remarks, fmt.Sprintf("%d heads as asked for, in place of the %d of %s", flag, t.heads, t.source()))
		}
		bb.Architecture, bb.Sources.Heads = bb.With(Sizes{Heads: flag}), FromFlag
	case t != nil:
		bb.Architecture, bb.Sources.Heads = bb.With(Sizes{Heads: t.heads}), t.source()
	case defaults.Heads != 0:
		bb.Architecture, bb.Sources.Heads = bb.With(Sizes{Heads: defaults.Heads}), FromLineage
	case width%headWidth != 0:
		return spell.Settingf(HeadsSetting, "a width of %[2]d is no multiple of %[3]d: set %[1]s", width, headWidth)
	default:
		bb.Architecture, bb.Sources.Heads = bb.With(Sizes{Heads: width / headWidth}), FromGuess
	}
	return nil
}

func (bb *Backbone) settlePool(pooled bool, defaults Defaults, found []companion) error {
	t := first(found, func(t companion) bool { return t.pool != "" })
	wide := func(p Pool) bool { return FeatureWidth(bb.Architecture, p) != Width(bb.Architecture) }
	switch {
	case t != nil && wide(t.pool) && wide(defaults.Pool) && CheckPool(bb.Architecture, t.pool) == nil: // the shape leaves two pools
		bb.Pool, bb.Sources.Pool = t.pool, t.source()
	case wide(defaults.Pool): // the shape of the own head tells
		bb.Sources.Pool = FromFile
	case t != nil && t.normed && !pooled && bb.Classes() == 0: // there is no head whose pooling matters
	case t != nil && t.normed && !pooled:
		bb.Architecture = bb.With(Sizes{NormedMean: true})
		fallthrough
	case t != nil:
		bb.Pool, bb.Sources.Pool = t.pool, t.source()
	case pooled && !defaults.Known:
		return errors.New(`it has fc_norm in place of norm, and nothing tells what is pooled before it: put the model's config.json beside it, or a JSON of its name with {"pool": "mean"} or {"pool": "cls"}`)
	}
	return nil
}
