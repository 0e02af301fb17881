package finetune

import (
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/adapter"
	"dtl-tf/runner/class"
	"dtl-tf/runner/result"
)

// startHead finds out which classes of the run's head start from which of the adapter's, and says so where they are not the
// same. Lists have numbers only, so they may leave the last classes of the adapter out: the head keeps those.
func (f *fineTuning) startHead() error {
	if f.initial == nil {
		return nil
	}
	count, err := adapter.Classes(f.initial)
	if err != nil {
		return err
	}
	names, err := adapter.ClassNames(f.initial, count)
	if err != nil {
		return err
	}
	d := f.data
	mine, theirs := class.Of(d.set), class.List{Owner: "the adapter " + f.initial.Path, Count: count, Names: names}
	if mine.Names == nil && mine.Count < count && f.config.Classes == 0 {
		d.notes = append(d.notes, fmt.Sprintf("%s has the labels 0 to %d: the head keeps the %d classes of the adapter", mine.Owner, mine.Count-1, count))
		mine.Count = count
	}
	f.head = class.Find(mine, theirs)
	d.classes = mine.Count
	if mine.Names == nil && f.head.How == class.ByNumber && mine.Count == count {
		d.classNames = names
	}
	for _, note := range []string{f.head.Note(), f.head.StartNote()} {
		if note != "" {
			d.notes = append(d.notes, note)
		}
	}
	return nil
}

// startTensors are the initial adapter's tensors, its head rearranged for the run's classes.
func (f *fineTuning) startTensors(model *dtl.Model) (tensor.Map, error) {
	start := result.Adapter{Path: f.initial.Path, Meta: f.initial.Meta, Tensors: headRows(f.head, f.initial.Tensors, model, f.config.Seed)}
	return start.Tensors, adapter.Fits(&start, f.backbone, model.AdapterShapes())
}

// headRows puts the classifier of an adapter into the order of the data set's classes. Classes that it lacks get the values
// of a new one. Tensors whose shapes make no classifier stay as they are.
func headRows(m class.Match, adapter tensor.Map, model *dtl.Model, seed uint64) tensor.Map {
	same := len(m.To) == m.Head.Count
	for i, to := range m.To {
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
		width := len(fresh.Float32()) / len(m.To)
		if len(old.Float32()) != width*m.Head.Count {
			continue
		}
		for i, to := range m.To {
			if to >= 0 {
				copy(fresh.Float32()[i*width:(i+1)*width], old.Float32()[to*width:])
			}
		}
		start[name] = fresh
	}
	return start
}
