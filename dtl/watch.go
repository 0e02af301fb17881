package dtl

import (
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// watcher finds where the prefix ends and which of its values the method reads. It wraps a method's hook for one forward pass
// and hands it an alias of each value. If an alias has a consumer at the end of the pass, the method has read the value, even
// if it did so at a later tap.
type watcher struct {
	hook backbone.Hook // nil for none
	arch backbone.Architecture
	taps []watched
}

// watched records one call of the hook.
type watched struct {
	backbone.Tap
	in, out           graph.Value // the backbone's values
	inAlias, outAlias graph.Value // what the hook was given
	changed           bool        // the hook returned another value than out
}

// reads tells whether the method reads one of the tap's values.
func (t watched) reads() bool { return t.inAlias.IsUsed() || t.outAlias.IsUsed() }

// see is the hook to use for the watched pass.
func (w *watcher) see(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
	t, result := watched{Tap: at, in: in, out: out}, out
	if w.hook != nil {
		if out.Defined() { // not at OwnBranch and BlockAddend
			t.outAlias = b.Alias(out)
		}
		t.inAlias = t.outAlias
		if in.Output != out.Output {
			t.inAlias = b.Alias(in)
		}
		if result = w.hook(b, at, t.inAlias, t.outAlias); result.Output == t.outAlias.Output {
			result = out
		}
		t.changed = result.Output != out.Output
	}
	w.taps = append(w.taps, t)
	return result
}

// ends returns how many leading blocks may belong to the prefix, given one call of the hook.
func (t watched) ends(depth int) int {
	switch t.Point {
	case backbone.Tokens, backbone.BlockInput:
		if t.changed || t.out.HasGradient() {
			return max(t.Block.Index, 0)
		}
	case backbone.BlockOutput:
		switch {
		case t.out.HasGradient():
			return t.Block.Index
		case t.changed:
			return t.Block.Index + 1
		}
	case backbone.BlockAddend:
		if t.changed {
			return t.Block.Index + 1
		}
	case backbone.FinalNorm, backbone.Features:
	default:
		if t.changed || t.reads() {
			return max(t.Block.Index, 0)
		}
	}
	return depth
}

// plainEnd tells whether the method neither reads nor changes anything after the blocks.
func (w *watcher) plainEnd() bool {
	return !slices.ContainsFunc(w.taps, func(t watched) bool {
		end := t.Point == backbone.FinalNorm || t.Point == backbone.Features
		return end && (t.changed || t.reads() || t.out.HasGradient())
	})
}

// byToken is a method whose hook treats each token by itself from the projection of attention to a block's own branch, so that it may be
// given only some of the tokens there.
type byToken interface{ actsByToken() }

// allows tells whether a method neither reads nor changes tokens of the last block that a short end leaves out.
func (w *watcher) allows(end backbone.End, m Method) bool {
	last := len(w.arch.Blocks()) - 1
	_, takesSome := m.(byToken)
	return !slices.ContainsFunc(w.taps, func(t watched) bool {
		missing := end.Skips(t.Point) || end.Shortens(t.Point) && !takesSome
		return t.Block.Index == last && missing && (t.changed || t.reads())
	})
}

// found returns the prefix, given the features [B, d] of the watched pass.
func (w *watcher) found(features graph.Value) prefix {
	depth := len(w.arch.Blocks())
	p, whole := prefix{blocks: depth}, true
	for _, t := range w.taps {
		p.blocks = min(p.blocks, t.ends(depth))
		if (t.Point == backbone.BlockOutput || t.Point == backbone.BlockAddend) && t.Block.Index == depth-1 {
			whole = whole && !t.changed
		}
	}
	whole = whole && p.blocks == depth
	add := func(name string, v, alias graph.Value) {
		i := slices.IndexFunc(p.values, func(s stored) bool { return s.name == name })
		if i < 0 {
			i = len(p.values)
			p.values = append(p.values, stored{name: name, value: v})
		}
		p.values[i].needed = p.values[i].needed || alias.IsUsed()
	}
	blocks := w.arch.Blocks()
	for _, t := range w.taps {
		i := t.Block.Index
		switch {
		case t.Point == backbone.Tokens:
			add(backbone.InputName(0), t.out, t.outAlias)
		case t.Point == backbone.BlockInput && i < p.blocks:
			add(backbone.InputName(i), t.out, t.outAlias)
		case t.Point == backbone.BlockOutput && i < p.blocks: // outputs of later blocks are not part of the prefix
			add(backbone.InputName(i), t.in, t.inAlias)
			add(backbone.OutputName(blocks, i), t.out, t.outAlias)
		case t.Point == backbone.BlockAddend && i < p.blocks:
			add(backbone.InputName(i), t.in, t.inAlias)
		}
	}
	if whole && w.plainEnd() {
		p.features = features
	}
	switch {
	case p.blocks == 0:
		p.values = nil // the embedding alone is not worth storing
	case !p.features.Defined():
		p.last = backbone.OutputName(blocks, p.blocks-1)
		p.as = p.last
		add(p.last, graph.Value{}, graph.Value{})
		p.values[slices.IndexFunc(p.values, func(s stored) bool { return s.name == p.last })].needed = true
	}
	p.values = slices.DeleteFunc(p.values, func(s stored) bool { return !s.needed })
	if p.features.Defined() {
		p.values = append(p.values, stored{name: "features", value: p.features})
	}
	return p
}
