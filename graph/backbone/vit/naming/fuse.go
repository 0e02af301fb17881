package naming

import (
	"fmt"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// parted is the parts of a tensor of timm's, such as query, key and value. A part that is not in the file has no name.
type parted struct {
	placeholders filled
	names        []string
	tensors      []tensor.Tensor
}

// partOf says which part of how many a tensor is.
var partOf = map[how]struct{ index, count int }{query: {0, 3}, key: {1, 3}, value: {2, 3}, gate: {0, 2}, up: {1, 2}}

// part keeps a tensor until all parts of the tensor to are there.
func (w *work) part(to, name string, h how, found filled, t tensor.Tensor) error {
	at := partOf[h]
	p := w.parts[to]
	if p == nil {
		p = &parted{placeholders: found, names: make([]string, at.count), tensors: make([]tensor.Tensor, at.count)}
		w.parts[to] = p
	}
	if other := p.names[at.index]; other != "" {
		return bothAre(other, name, to)
	}
	p.names[at.index], p.tensors[at.index] = name, t
	return nil
}

// fuse concatenates the parts of a tensor. If the key alone has no bias, the others stay apart, as timm's q_bias and v_bias.
func (w *work) fuse(to string, p *parted) error {
	missing := slices.Index(p.names, "")
	if start, ok := strings.CutSuffix(to, ".qkv.bias"); ok && missing == partOf[key].index && p.names[2] != "" {
		if err := w.set(start+".q_bias", p.names[0], p.tensors[0]); err != nil {
			return err
		}
		return w.set(start+".v_bias", p.names[2], p.tensors[2])
	}
	if missing >= 0 {
		there := slices.IndexFunc(p.names, func(name string) bool { return name != "" })
		return fmt.Errorf("there is no tensor %s, though there is a %s", w.nameOf(to, missing, len(p.names), p.placeholders), p.names[there])
	}
	rows, rest := 0, p.tensors[0].Shape
	for i, t := range p.tensors {
		if !areFloats(t) {
			return fmt.Errorf("tensor %s does not hold floats", p.names[i])
		}
		if len(t.Shape) == 0 || len(t.Shape) != len(rest) || !slices.Equal(t.Shape[1:], rest[1:]) {
			return fmt.Errorf("tensor %s has shape %v, which does not fit the %v of %s", p.names[i], t.Shape, rest, p.names[0])
		}
		rows += t.Shape[0]
	}
	shape := slices.Concat([]int{rows}, rest[1:])
	all := tensor.Tensor{Shape: shape, Data: []float32(nil)}
	if !slices.ContainsFunc(p.tensors, isOutline) {
		all = tensor.Concat(shape, p.tensors...)
	}
	return w.set(to, p.names[0], all)
}

// nameOf is the name in the file that a missing part would have.
func (w *work) nameOf(to string, index, count int, found filled) string {
	for _, p := range w.inside {
		at, ok := partOf[p.how]
		if _, same := match(p.to, to); ok && same && at.index == index && at.count == count {
			return w.prefix + found.fill(p.from)
		}
	}
	return to
}

func bothAre(one, other, to string) error {
	return fmt.Errorf("tensors %s and %s are both %s in timm's names: remove one of them", one, other, to)
}
