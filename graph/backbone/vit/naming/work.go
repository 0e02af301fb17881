package naming

import (
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// work is the renaming of one file.
type work struct {
	*naming
	prefix  string
	levels  []string // beginnings of the prefix
	student string   // the prefix of a network beside the teacher, "" for none

	out       tensor.Map
	sources   map[string]string  // names in the file by the names in out
	parts     map[string]*parted // by the names in out
	unused    []string
	elsewhere []string // beginnings of the names of skipped tensors
	unfolded  bool     // the patch embedding was a matrix
}

func newWork(n *naming, prefix string) *work {
	w := &work{naming: n, prefix: prefix, levels: levels(prefix), out: tensor.Map{}, sources: map[string]string{}, parts: map[string]*parted{}}
	if before, _, ok := strings.Cut(prefix, teacher); ok {
		w.student = before + student
	}
	return w
}

// add renames one tensor.
func (w *work) add(name string, t tensor.Tensor) error {
	if inside, ok := strings.CutPrefix(name, w.prefix); ok {
		if done, err := w.try(w.inside, name, inside, t); done {
			return err
		}
	}
	for i, level := range w.levels {
		rest, ok := strings.CutPrefix(name, level)
		if !ok {
			continue
		}
		if done, err := w.try(w.outside, name, rest, t); done {
			return err
		}
		if i == len(w.levels)-1 {
			break // behind the whole prefix there is only the backbone
		}
		for _, start := range w.skipped {
			if strings.HasPrefix(rest, start) {
				w.skip(level + start)
				return nil
			}
		}
	}
	if w.student != "" && strings.HasPrefix(name, w.student) {
		w.skip(w.student)
		return nil
	}
	return w.set(unexplained+name, name, t)
}

// unexplained precedes the names of tensors that nothing explains, for the reader to refuse them: without it one could happen to have
// another tensor's name in timm.
const unexplained = "unexplained."

func (w *work) skip(start string) {
	if !slices.Contains(w.elsewhere, start) {
		w.elsewhere = append(w.elsewhere, start)
	}
}

// try puts a tensor in the place that the first matching pair tells.
func (w *work) try(pairs []pair, name, rest string, t tensor.Tensor) (done bool, err error) {
	for _, p := range pairs {
		found, ok := match(p.from, rest)
		if !ok {
			continue
		}
		if p.to == "" {
			w.unused = append(w.unused, name)
			return true, nil
		}
		to := found.fill(p.to)
		if _, ok := partOf[p.how]; ok {
			return true, w.part(to, name, p.how, found, t)
		}
		return true, w.set(to, name, shaped(t, p.how))
	}
	return false, nil
}

func (w *work) set(to, name string, t tensor.Tensor) error {
	if other, ok := w.sources[to]; ok {
		return bothAre(other, name, to)
	}
	w.out[to], w.sources[to] = t, name
	return nil
}

func (w *work) has(to string) bool {
	_, ok := w.out[to]
	return ok
}

// remove takes a renamed tensor out again.
func (w *work) remove(to string) {
	delete(w.out, to)
	delete(w.sources, to)
}

// drop removes a tensor that has no effect.
func (w *work) drop(to string) {
	w.unused = append(w.unused, w.sources[to])
	w.remove(to)
}

// rename gives a renamed tensor another name of timm's.
func (w *work) rename(from, to string) error {
	t, name := w.out[from], w.sources[from]
	w.remove(from)
	return w.set(to, name, t)
}

// shaped is t in timm's shape. A tensor of another rank than the library's stays as it is, for the reader to refuse.
func shaped(t tensor.Tensor, h how) tensor.Tensor {
	switch {
	case h == token && len(t.Shape) == 1:
		t.Shape = []int{1, 1, t.Shape[0]}
	case h == table && len(t.Shape) == 2:
		t.Shape = []int{1, t.Shape[0], t.Shape[1]}
	case h == transposed && len(t.Shape) == 2 && areFloats(t):
		return compute([]int{t.Shape[1], t.Shape[0]}, func(in ...tensor.Tensor) tensor.Tensor { return tensor.Transpose(in[0], t.Shape[0], t.Shape[1]) }, t)
	}
	return t
}

func areFloats(t tensor.Tensor) bool { return t.IsFloat() }

// isOutline tells whether a tensor of floats has only a shape, for a look at a file before its elements are read.
func isOutline(t tensor.Tensor) bool {
	return !t.IsDeferred() && len(t.Float32()) < tensor.Size(t.Shape)
}

// compute is tensor.Compute for tensors that may be of an outline: the result has no elements if one of them has none.
func compute(shape []int, values func(in ...tensor.Tensor) tensor.Tensor, from ...tensor.Tensor) tensor.Tensor {
	if slices.ContainsFunc(from, isOutline) {
		return tensor.Tensor{Shape: shape, Data: []float32(nil)}
	}
	return tensor.Compute(values, shape, from...)
}

// done concatenates the parts and finishes the work.
func (w *work) done() error {
	for _, to := range slices.Sorted(maps.Keys(w.parts)) {
		if err := w.fuse(to, w.parts[to]); err != nil {
			return err
		}
	}
	if w.finish != nil {
		return w.finish(w)
	}
	return nil
}
