package runner

import (
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph/spell"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/result"
)

// startHead finds out which classes of the run's head start from which of the adapter's, and says so where they are not the
// same. Lists have numbers only, so they may leave the last classes of the adapter out: the head keeps those.
func (f *fineTuning) startHead() error {
	if f.initial == nil {
		return nil
	}
	count, err := adapterClasses(f.initial)
	if err != nil {
		return err
	}
	names, err := adapterClassNames(f.initial, count)
	if err != nil {
		return err
	}
	d := f.data
	mine, theirs := classesOf(d.set), classList{"the adapter " + f.initial.Path, count, names}
	if mine.names == nil && mine.count < count && f.config.Classes == 0 {
		d.notes = append(d.notes, fmt.Sprintf("%s has the labels 0 to %d: the head keeps the %d classes of the adapter", mine.owner, mine.count-1, count))
		mine.count = count
	}
	f.head = matchClasses(mine, theirs)
	d.classes = mine.count
	if mine.names == nil && f.head.how == byNumber && mine.count == count {
		d.classNames = names
	}
	for _, note := range []string{f.head.note(), f.head.startNote()} {
		if note != "" {
			d.notes = append(d.notes, note)
		}
	}
	return nil
}

// startNote says which classes of a head start from the adapter's if those are not all of both; "" else.
func (m classMatch) startNote() string {
	var fresh []string
	left := m.left()
	for class, to := range m.to {
		if to < 0 {
			fresh = append(fresh, m.data.name(class)+m.similar(" - ", class, left, len(fresh)))
		}
	}
	if fresh == nil && left == nil {
		return ""
	}
	text := fmt.Sprintf("%d of %d classes of the head start from %s", m.data.count-len(fresh), m.data.count, m.head.owner)
	if m.how == unmatched {
		text += ", which has no class names"
	}
	if fresh != nil {
		text += "; fresh: " + spell.Few(fresh, mostNames)
	}
	if left != nil {
		text += "; left out: " + spell.Few(left, mostNames)
	}
	return text
}

// startTensors are the adapter's tensors with the head that the run's classes make of its own.
func (f *fineTuning) startTensors(model *dtl.Model) (tensor.Map, error) {
	start := result.Adapter{Path: f.initial.Path, Meta: f.initial.Meta, Tensors: f.head.rows(f.initial.Tensors, model, f.config.Seed)}
	return start.Tensors, fits(&start, f.backbone, model.AdapterShapes())
}

// rows puts the classifier of an adapter into the order of the data set's classes. Classes that it lacks get the values
// of a new one. Tensors whose shapes make no classifier stay as they are.
func (m classMatch) rows(adapter tensor.Map, model *dtl.Model, seed uint64) tensor.Map {
	same := len(m.to) == m.head.count
	for i, to := range m.to {
		same = same && to == i
	}
	if same {
		return adapter
	}
	start := tensor.Map{}
	for name, t := range adapter {
		start[name] = t
	}
	for name, fresh := range model.InitialHead(seed) {
		old := adapter[name]
		width := len(fresh.Float32()) / len(m.to)
		if len(old.Float32()) != width*m.head.count {
			continue
		}
		for i, to := range m.to {
			if to >= 0 {
				copy(fresh.Float32()[i*width:(i+1)*width], old.Float32()[to*width:])
			}
		}
		start[name] = fresh
	}
	return start
}
