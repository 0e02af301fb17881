package dtl

import (
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// watcher finds out where the prefix ends and what the method reads of it. It stands before a method's hook during one forward
// pass, and shows it each value under a name of its own: whoever consumes that by the end of the pass is the method, also
// where it kept the value and came back to it at a later tap.
type watcher struct {
	hook backbone.Hook // nil: none
	arch backbone.Architecture
	taps []watched
}

// watched is what happened at a tap.
type watched struct {
	backbone.Tap
	in, out graph.Value // of the backbone
	shown   [2]graph.Value
	changed bool // something else went on
}

func watch(hook backbone.Hook, a backbone.Architecture) *watcher {
	return &watcher{hook: hook, arch: a}
}

// see is the hook of the watched pass.
func (w *watcher) see(b *graph.Builder, at backbone.Tap, in, out graph.Value) graph.Value {
	t, result := watched{Tap: at, in: in, out: out}, out
	if w.hook != nil {
		t.shown[1] = b.Alias(out)
		t.shown[0] = t.shown[1]
		if in.Output != out.Output {
			t.shown[0] = b.Alias(in)
		}
		if result = w.hook(b, at, t.shown[0], t.shown[1]); result.Output == t.shown[1].Output {
			result = out
		}
		t.changed = result.Output != out.Output
	}
	w.taps = append(w.taps, t)
	return result
}

// ends is how many leading blocks are left as they are by what happened at a tap.
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
	case backbone.FinalNorm:
	default:
		if t.changed || t.shown[0].IsUsed() || t.shown[1].IsUsed() {
			return max(t.Block.Index, 0)
		}
	}
	return depth
}

// found is the prefix after the watched pass.
func (w *watcher) found() prefix {
	depth := len(w.arch.Blocks())
	p, whole := prefix{blocks: depth}, true
	for _, t := range w.taps {
		p.blocks = min(p.blocks, t.ends(depth))
		if t.Point == backbone.BlockOutput && t.Block.Index == depth-1 {
			whole = !t.changed
		}
	}
	whole = whole && p.blocks == depth
	keep := func(name string, v, shown graph.Value) {
		i := slices.IndexFunc(p.values, func(s stored) bool { return s.name == name })
		if i < 0 {
			i = len(p.values)
			p.values = append(p.values, stored{name: name, value: v})
		}
		p.values[i].needed = p.values[i].needed || shown.IsUsed()
	}
	blocks := w.arch.Blocks()
	for _, t := range w.taps {
		i := t.Block.Index
		switch {
		case t.Point == backbone.Tokens:
			keep(backbone.InputName(0), t.out, t.shown[1])
		case t.Point == backbone.BlockInput && i < p.blocks:
			keep(backbone.InputName(i), t.out, t.shown[1])
		case t.Point == backbone.BlockOutput && i < p.blocks: // what leaves a later block is not of the prefix
			keep(backbone.InputName(i), t.in, t.shown[0])
			keep(backbone.OutputName(blocks, i), t.out, t.shown[1])
		case t.Point == backbone.FinalNorm && whole && !t.changed && !t.shown[0].IsUsed() && !t.shown[1].IsUsed() && !t.out.HasGradient():
			p.features = t.out
		}
	}
	switch {
	case p.blocks == 0:
		p.values = nil // the embedding alone is not worth storing
	case !p.features.Defined():
		p.last = backbone.OutputName(blocks, p.blocks-1)
		keep(p.last, graph.Value{}, graph.Value{})
		p.values[slices.IndexFunc(p.values, func(s stored) bool { return s.name == p.last })].needed = true
	}
	p.values = slices.DeleteFunc(p.values, func(s stored) bool { return !s.needed })
	if p.features.Defined() {
		p.values = append(p.values, stored{name: "features", value: p.features})
	}
	return p
}
