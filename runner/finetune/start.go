package finetune

import (
	"context"
	"fmt"
	"maps"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/class"
	"dtl-tf/runner/result"
)

// start is the adapter that training starts from, with --init-adapter.
type start struct {
	adapter *result.Adapter
	classes class.List  // of the adapter's head
	head    class.Match // of the data set's classes with them, see matchClasses
}

// readStart reads the adapter and joins its settings with the user's.
func readStart(ctx context.Context, c Config, bb *backbone.Backbone, note runner.NoteFunc) (runner.Settings, *start, error) {
	a, err := adapter.Read(c.InitAdapter, note)
	if err != nil {
		return runner.Settings{}, nil, err
	}
	if err := adapter.SameFamily(a, bb); err != nil {
		return runner.Settings{}, nil, err
	}
	settings, err := adapter.Settings(a, c.MethodConfig, bb.Architecture)
	if err != nil {
		return settings, nil, err
	}
	adapter.NoteForeign(ctx, a, c.MethodConfig, settings, bb, note)
	if n, ok, err := a.Int(result.KeyTestResize); err != nil {
		return settings, nil, err
	} else if ok && n != c.TestResize {
		note("the adapter %s was tested on images scaled to %d x %d, of which the centre was cut out: --test-resize %d does that here", a.Path, n, n, n)
	}
	count, err := adapter.Classes(a)
	if err != nil {
		return settings, nil, err
	}
	names, err := adapter.ClassNames(a, count)
	return settings, &start{adapter: a, classes: class.List{Owner: "the adapter " + a.Path, Count: count, Names: names}}, err
}

// matchClasses decides from which class of the adapter each class of the run's head starts, and adds a note to the data set if
// they are not the same. Lists have numbers only, so they may omit the adapter's last classes: the head keeps those. limit is
// Config.Classes.
func (s *start) matchClasses(d *dataset, limit int) {
	mine, theirs := class.Of(d.set), s.classes
	if mine.Names == nil && mine.Count < theirs.Count && limit == 0 {
		d.notes = append(d.notes, fmt.Sprintf("%s has the labels 0 to %d: the head keeps the %d classes of the adapter", mine.Owner, mine.Count-1, theirs.Count))
		mine.Count = theirs.Count
	}
	s.head = class.Find(mine, theirs)
	d.classes = mine.Count
	if mine.Names == nil && s.head.How == class.ByNumber && mine.Count == theirs.Count {
		d.classNames = theirs.Names
	}
	for _, note := range []string{s.head.Note(), s.head.StartNote()} {
		if note != "" {
			d.notes = append(d.notes, note)
		}
	}
}

// tensors returns the adapter's tensors, with the head rearranged for the run's classes.
func (s *start) tensors(model *dtl.Model, bb *backbone.Backbone, seed uint64) (tensor.Map, error) {
	a := result.Adapter{Path: s.adapter.Path, Meta: s.adapter.Meta, Tensors: headRows(s.head, s.adapter.Tensors, model, seed)}
	return a.Tensors, adapter.Fits(&a, bb, model.AdapterShapes())
}

// headRows reorders the classifier of an adapter for the data set's classes. Classes that it lacks get the initial values of
// a fresh classifier. Tensors whose shapes are not a classifier's stay as they are.
func headRows(m class.Match, adapter tensor.Map, model *dtl.Model, seed uint64) tensor.Map {
	same := len(m.To) == m.Head.Count
	for i, to := range m.To {
		same = same && to == i
	}
	if same {
		return adapter
	}
	start := maps.Clone(adapter)
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
