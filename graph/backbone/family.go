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
	Kind  string                  // in messages, after an article: "plain ViT"
	Named map[string]Architecture // architectures that Parse knows by name
	// Parse parses the part of a description after the colon. Example is a complete description.
	Parse   func(settings string) (Architecture, error)
	Example string
	// Decode reads the JSON form of an architecture of this family.
	Decode func(raw []byte) (Architecture, error)

	// Defaults are the values of networks of this family that neither tensors nor companion files determine. DefaultsOf returns
	// those of one architecture; nil: they are the same for all.
	Defaults   Defaults
	DefaultsOf func(a Architecture) Defaults
	// TimmName returns what the name of a network in timm implies; ok is false if the network is of another kind.
	TimmName func(name string) (implied TimmName, ok bool)
	// ModelTypes are the model_types of Hugging Face transformers that belong to this family.
	ModelTypes []string

	// Rename gives tensors that have the names and shapes of other libraries those of one of the layouts. It returns nil if it does
	// not recognise their names. nil: no other names are read.
	Rename func(m tensor.Map) (*Naming, error)
	// Layouts are the layouts of files with weights of this family, the most specific first.
	Layouts []Layout
	// Explain says what a file is if its tensors make no network of this family, "" if that can't be told.
	Explain func(m tensor.Map) string
	// Unused tells whether a tensor, one of a file's, has no effect on the forward pass.
	Unused func(m tensor.Map, name string) bool

	// Resample adapts the weights, in place, to another input size.
	Resample func(weights tensor.Map, from, to Architecture)
	// Fold returns the architecture and the weights of the same function in fewer layers, for a backbone that stays frozen. The
	// weights are not modified; nil asks for the architecture only. A nil Fold means that there is nothing to fold.
	Fold func(a Architecture, weights tensor.Map) (Architecture, tensor.Map)
	// NeedsDescription tells whether the sidecar of a file must describe the architecture, since tensors do not tell all of it. nil: never.
	NeedsDescription func(a Architecture) bool
	// AddBiases returns the same function with a bias, of zero, in every layer at a tap that has none. The weights are not modified. A
	// nil AddBiases means that no layer lacks one.
	AddBiases func(a Architecture, weights tensor.Map) (Architecture, tensor.Map)
	// Fill draws a weight from the family's initial distribution.
	Fill func(random *rand.Rand, a Architecture, s Spec, out []float32)
}

// OwnNaming is the Naming of files in this program's own names.
const OwnNaming = "dtl-tf"

// Layout is the names and shapes of weights in one kind of file.
type Layout struct {
	// Naming is whose names the tensors have, for display: "timm".
	Naming string
	// Owns tells by the names whether a file has this layout. It and Shapes are called for an outline, too (see weight.Outline), whose
	// tensors have shapes and no elements, if no name is that of a patch embedding.
	Owns func(m tensor.Map) bool
	// Shapes derives the architecture from the shapes, as far as they determine it.
	Shapes func(f *weight.File) (Architecture, error)
	// Convert converts the weights to the names and shapes of Specs. It refuses tensors that have no place there.
	Convert func(f *weight.File, a Architecture) (tensor.Map, error)
	// Sources says where the values come from that no flag, adapter or companion file determines: FromFile if the shapes
	// determine them, FromFormat if files of this layout always have the family's Defaults, FromGuess if nothing tells.
	Sources Sources
	// Defaults, if not nil, changes the defaults of the family by what the file's tensors tell.
	Defaults func(m tensor.Map, d Defaults) Defaults
	// Adopt completes what the shapes of a file tell by the architecture that its sidecar describes, nil if it describes none. It fails
	// if they contradict each other. A nil Adopt means that there are no descriptions of such files.
	Adopt func(shapes, described Architecture) (Architecture, error)
	// Pooled tells whether the last norm comes after the pooling; nil: never.
	Pooled func(m tensor.Map) bool
}

// Defaults are values of a family's networks.
type Defaults struct {
	Normalisation
	Eps   float64 // of LayerNorm
	Image int     // side of the input in pixels, for families whose shapes leave it open
	// Activation of the MLPs; "": the architecture's own. AnyActivation means that published networks of this form differ in it.
	Activation    Activation
	AnyActivation bool
	Heads         int // 0: heads 64 wide
	// Known means that the published networks of this form share the values.
	Known bool
}

// TimmName is what the name of a network in timm implies. Zero leaves a value open.
type TimmName struct {
	Plain                      bool // blocks are pre-norm with GELU, norms have the family's epsilon
	Width, Depth, Heads, Patch int
	NormedMean                 bool // global_pool "avg" averages normalised tokens, as the family does
	Eps                        float64
	Activation                 Activation
	Lineages                   []string // one of which Architecture.Lineage must be; nil: any
}

// heads is the number of heads that the name tells for an architecture, 0 if it has not the width for them.
func (n TimmName) heads(a Architecture) int {
	if n.Heads != 0 && Width(a)%n.Heads != 0 {
		return 0
	}
	return n.Heads
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

// Describes tells whether a text begins as a description of an architecture does. Parse may refuse it.
func Describes(text string) bool {
	name, _, ok := strings.Cut(text, ":")
	return ok && families[name].Parse != nil
}

// usual is the family of files without a family, and the one whose readers say what is missing in a file of no family.
const usual = "vit"

// layoutOf finds the family and layout of a file. If no layout owns it, it returns the usual family's last layout, whose error
// will say what is missing.
func layoutOf(f *weight.File) (Family, Layout) {
	for _, family := range inOrder() {
		for _, l := range family.Layouts {
			if l.Owns(f.Tensors) {
				return family, l
			}
		}
	}
	layouts := families[usual].Layouts
	return families[usual], layouts[len(layouts)-1]
}

// defaultsOf is the defaults of an architecture.
func (f Family) defaultsOf(a Architecture) Defaults {
	if f.DefaultsOf == nil {
		return f.Defaults
	}
	return f.DefaultsOf(a)
}

// Fold is Family.Fold for any architecture.
func Fold(a Architecture, weights tensor.Map) (Architecture, tensor.Map) {
	if f := familyOf(a); f.Fold != nil {
		return f.Fold(a, weights)
	}
	return a, weights
}

// AddBiases is Family.AddBiases for any architecture.
func AddBiases(a Architecture, weights tensor.Map) (Architecture, tensor.Map) {
	if f := familyOf(a); f.AddBiases != nil {
		return f.AddBiases(a, weights)
	}
	return a, weights
}

func familyOf(a Architecture) Family { return families[a.Family()] }

// Title is the display name of a family, the name itself if the family is unknown.
func Title(family string) string {
	if f, ok := families[family]; ok {
		return f.Title
	}
	return family
}
