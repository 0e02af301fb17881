package backbone

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
)

// Family is a family of backbones, as its package registers it.
type Family struct {
	Name  string                  // the part of a description before the colon: "vit"
	Title string                  // for display: "ViT"
	Named map[string]Architecture // architectures that Parse knows by name
	// Parse parses the part of a description after the colon. Example is a complete description.
	Parse   func(settings string) (Architecture, error)
	Example string
	// Decode reads the JSON form of an architecture of this family.
	Decode func(raw []byte) (Architecture, error)

	// Layouts are the layouts of files with weights of this family, the most specific first.
	Layouts []Layout
	// Explain says what a file is if its tensors make no network of this family, "" if that can't be told.
	Explain func(m tensor.Map) string
	// Unused tells whether a tensor, one of a file's, has no effect on the forward pass.
	Unused func(m tensor.Map, name string) bool

	// Resample adapts the weights, in place, to another input size.
	Resample func(weights tensor.Map, from, to Architecture)
	// Fill draws a weight from the family's initial distribution.
	Fill func(random *rand.Rand, a Architecture, s Spec, out []float32)
}

// Layout is the names and shapes of weights in one kind of file.
type Layout struct {
	// Owns tells by the names whether a file has this layout.
	Owns func(m tensor.Map) bool
	// Shapes derives the architecture from the shapes, as far as they determine it.
	Shapes func(f *weight.File) (Architecture, error)
	// Convert converts the weights to the names and shapes of Specs. It refuses tensors that have no place there.
	Convert func(f *weight.File, a Architecture) (tensor.Map, error)
	// Documented means that the shapes determine the number of heads and that the format implies mean = std = 0.5.
	Documented bool
	// Pooled tells whether the last norm comes after the pooling; nil: never.
	Pooled func(m tensor.Map) bool
}

var families = map[string]Family{}

// Register registers a family. Call it from init; it panics if the name is taken.
func Register(f Family) {
	if _, taken := families[f.Name]; taken {
		panic("two families of backbones are called " + f.Name)
	}
	families[f.Name] = f
}

// inOrder lists the families in order of name.
func inOrder() []Family {
	return slices.SortedFunc(maps.Values(families), func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
}

// Names lists the architectures that Parse knows by name.
func Names() []string {
	var names []string
	for _, f := range inOrder() {
		names = append(names, slices.Collect(maps.Keys(f.Named))...)
	}
	slices.Sort(names)
	return names
}

// Parse parses the name of a known architecture or a description such as
// "vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384".
func Parse(text string) (Architecture, error) {
	var examples []string
	for _, f := range inOrder() {
		if a, ok := f.Named[text]; ok {
			return a, nil
		}
		if settings, ok := strings.CutPrefix(text, f.Name+":"); ok {
			a, err := f.Parse(settings)
			if err != nil {
				return nil, fmt.Errorf("architecture %q: %w", text, err)
			}
			return a, a.Validate()
		}
		examples = append(examples, f.Example)
	}
	return nil, fmt.Errorf("unknown architecture %q: use one of %s, or describe one like %s", text, strings.Join(Names(), ", "), strings.Join(examples, " or "))
}

// layoutOf finds the family and layout of a file. If no layout owns it, it returns the first family's last layout, whose error
// will say what is missing.
func layoutOf(f *weight.File) (Family, Layout) {
	list := inOrder()
	for _, family := range list {
		for _, l := range family.Layouts {
			if l.Owns(f.Tensors) {
				return family, l
			}
		}
	}
	for _, family := range list {
		if len(family.Layouts) > 0 {
			return family, family.Layouts[len(family.Layouts)-1]
		}
	}
	return Family{}, Layout{}
}

func familyOf(a Architecture) Family { return families[a.Family()] }

// Title is the display name of an architecture's family.
func Title(a Architecture) string { return familyOf(a).Title }
