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

// Family is what the package of a family registers.
type Family struct {
	Name  string                  // before the colon of a description: "vit"
	Title string                  // as people write it: "ViT"
	Named map[string]Architecture // that Parse knows by name
	// Parse reads what stands behind the colon of a description, and Example is one, whole.
	Parse   func(settings string) (Architecture, error)
	Example string
	// Decode reads the JSON form of an architecture of this family.
	Decode func(raw []byte) (Architecture, error)

	// Layouts are the kinds of files that hold weights of this family, the most particular first.
	Layouts []Layout
	// Explain says what a file is whose tensors do not make a network of this family, "" if they do not tell.
	Explain func(m tensor.Map) string
	// Unused knows the tensors that play no part in the forward pass, among all of a file.
	Unused func(m tensor.Map, name string) bool

	// Resample changes the weights, in place, for another size of the input.
	Resample func(weights tensor.Map, from, to Architecture)
	// Fill draws a weight as the family starts its training.
	Fill func(random *rand.Rand, a Architecture, s Spec, out []float32)
}

// Layout is how a kind of file names and shapes the weights.
type Layout struct {
	// Owns tells by the names whether a file is of this kind.
	Owns func(m tensor.Map) bool
	// Shapes is what the shapes tell of the architecture.
	Shapes func(f *weight.File) (Architecture, error)
	// Convert gives the weights the names and shapes of Specs. It refuses a tensor for which it has no place.
	Convert func(f *weight.File, a Architecture) (tensor.Map, error)
	// Documented says that the shapes tell the number of heads, and that the format has mean = std = 0.5.
	Documented bool
	// Pooled tells that the last norm stands behind the pooling; nil: never.
	Pooled func(m tensor.Map) bool
}

var families = map[string]Family{}

// Register makes a family known. It is for init functions and panics when the name is taken.
func Register(f Family) {
	if _, taken := families[f.Name]; taken {
		panic("two families of backbones are called " + f.Name)
	}
	families[f.Name] = f
}

// inOrder lists the families by name.
func inOrder() []Family {
	var list []Family
	for _, name := range slices.Sorted(maps.Keys(families)) {
		list = append(list, families[name])
	}
	return list
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

// Parse reads the name of a known architecture or a description such as
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

// layoutOf finds the family of a file and its layout. A file that no layout claims is tried as the first family's last one, whose
// error says what is missing.
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

// Title is the family of an architecture as people write it.
func Title(a Architecture) string { return familyOf(a).Title }
