package adapter

import (
	"context"
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// OpenSeveral reads one backbone and the adapters of several tasks on it, which must agree on the size and the normalisation of the
// images and on the precision. c.Adapter has no meaning.
func OpenSeveral(ctx context.Context, c runner.AdaptedConfig, files []Named, note runner.NoteFunc) ([]*Adapted, error) {
	var adapters []*result.Adapter
	joined, from := c.Backbone, map[string]string{}
	for _, f := range files {
		a, err := Read(f.Path, note)
		if err != nil {
			return nil, err
		}
		says := c.Backbone
		if err := takeOver(a, &says); err != nil {
			return nil, err
		}
		if err := agree(&joined, says, a.Path, from); err != nil {
			return nil, err
		}
		adapters = append(adapters, a)
	}
	bb, err := joined.Load(ctx)
	if err != nil {
		return nil, err
	}
	var list []*Adapted
	for _, a := range adapters {
		opened, err := onto(ctx, a, bb, c.Method, note)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 && opened.TestResize != list[0].TestResize {
			return nil, fmt.Errorf("adapter %s was tested on images scaled to %s, and %s on images scaled to %s: they can't share a pass, so run them apart",
				a.Path, opened.scaledTo(), list[0].Adapter.Path, list[0].scaledTo())
		}
		if len(list) > 0 && opened.Upright != list[0].Upright {
			return nil, fmt.Errorf("adapter %s was trained on images %s, and %s on images %s: they can't share a pass, so run them apart",
				a.Path, Turned(opened.Upright), list[0].Adapter.Path, Turned(list[0].Upright))
		}
		if first := opened.Config.Precision; len(list) > 0 && first != list[0].Config.Precision {
			return nil, fmt.Errorf("adapter %s was trained in %s, and %s in %s: they can't share a pass, so run them apart",
				a.Path, first, list[0].Adapter.Path, list[0].Config.Precision)
		}
		list = append(list, opened)
	}
	noteSources(adapters[0], bb, note)
	return list, nil
}

// agree adds what an adapter says about its backbone to what others say. from has the adapter that said it.
func agree(joined *runner.BackboneConfig, says runner.BackboneConfig, path string, from map[string]string) error {
	differ := func(what string, mine, theirs any) error {
		return fmt.Errorf("adapter %s was trained with %s %v, and %s with %v: they can't share a pass, so run them apart", path, what, mine, from[what], theirs)
	}
	if joined.Adapter == nil {
		joined.Adapter = &runner.AdapterSays{Beside: Official}
	}
	for _, n := range []struct {
		what          string
		mine, theirs  *int
		source, known *backbone.Source
	}{
		{"--image-size", &says.ImageSize, &joined.ImageSize, nil, nil},
		{"--heads", &says.Heads, &joined.Heads, &says.Adapter.Sources.Heads, &joined.Adapter.Sources.Heads},
	} {
		if *n.mine == 0 {
			continue
		}
		if *n.theirs != 0 && *n.mine != *n.theirs {
			return differ(n.what, *n.mine, *n.theirs)
		}
		if *n.theirs = *n.mine; n.source != nil {
			*n.known = *n.source
		}
		from[n.what] = path
	}
	for _, n := range []struct {
		what          string
		mine, theirs  **[3]float64
		source, known *backbone.Source
	}{
		{"--mean", &says.Mean, &joined.Mean, &says.Adapter.Sources.Mean, &joined.Adapter.Sources.Mean},
		{"--std", &says.Std, &joined.Std, &says.Adapter.Sources.Std, &joined.Adapter.Sources.Std},
	} {
		if *n.mine == nil {
			continue
		}
		if *n.theirs != nil && **n.mine != **n.theirs {
			return differ(n.what, **n.mine, **n.theirs)
		}
		*n.theirs, *n.known, from[n.what] = *n.mine, *n.source, path
	}
	const eps = "layer_norm_eps"
	if mine, theirs := says.Adapter.Eps, &joined.Adapter.Eps; mine != 0 {
		if *theirs != 0 && mine != *theirs {
			return differ(eps, mine, *theirs)
		}
		*theirs, from[eps] = mine, path
	}
	const activation = "the activation"
	if mine, theirs := says.Adapter.Activation, &joined.Adapter.Activation; mine != "" {
		if *theirs != "" && mine != *theirs {
			return differ(activation, mine, *theirs)
		}
		*theirs, from[activation] = mine, path
	}
	return nil
}

// scaledTo is the side in pixels to which images are scaled for an adapter.
func (a *Adapted) scaledTo() string {
	return fmt.Sprint(max(a.TestResize, a.Backbone.ImageSize()), " pixels")
}

// Tasks are the adapters as tasks of a dtl.Shared, and its configuration.
func Tasks(files []Named, list []*Adapted) (dtl.Config, []dtl.Task) {
	var tasks []dtl.Task
	for i, a := range list {
		tasks = append(tasks, dtl.Task{Name: files[i].Name, Method: a.Config.Method, Pool: a.Config.Pool, Classes: a.Config.Classes, Adapter: a.Adapter.Tensors})
	}
	return list[0].Config, tasks
}

// Onto reads an adapter of a backbone that is loaded already, whose weights may have been dropped if the backbone has its
// fingerprint. The adapter must agree with the size and the normalisation of its images.
func Onto(ctx context.Context, bb *backbone.Backbone, path string, m runner.MethodConfig, note runner.NoteFunc) (*Adapted, error) {
	a, err := Read(path, note)
	if err != nil {
		return nil, err
	}
	var says runner.BackboneConfig
	if err := takeOver(a, &says); err != nil {
		return nil, err
	}
	for _, n := range []struct {
		what         string
		differs      bool
		mine, theirs any
	}{
		{"images of this size in pixels", says.ImageSize != 0 && says.ImageSize != bb.ImageSize(), says.ImageSize, bb.ImageSize()},
		{"this number of heads", says.Heads != 0 && says.Heads != bb.Heads(), says.Heads, bb.Heads()},
		{"the mean", says.Mean != nil && *says.Mean != bb.Mean, says.Mean, bb.Mean},
		{"the standard deviation", says.Std != nil && *says.Std != bb.Std, says.Std, bb.Std},
		{"layer_norm_eps", says.Adapter.Eps != 0 && says.Adapter.Eps != bb.NormEps(), says.Adapter.Eps, bb.NormEps()},
		{"the activation", says.Adapter.Activation != "" && says.Adapter.Activation != bb.Activation(), says.Adapter.Activation, bb.Activation()},
	} {
		if n.differs {
			return nil, fmt.Errorf("adapter %s was trained with another backbone than the loaded one: %s is %v, here %v", path, n.what, n.mine, n.theirs)
		}
	}
	return onto(ctx, a, bb, m, note)
}
