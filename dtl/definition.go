package dtl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// Definition is what a method registers. Help, tables, run.json and the adapter file follow from it.
type Definition struct {
	Name    string
	Place   int      // tables are sorted by Place, then by Name
	Ours    bool     // DTL or DTL+: last in tables, highlighted in figures
	Options []Option // New must read every one
	// Supports returns why the method cannot adapt a backbone; nil means that it can adapt any.
	Supports func(a backbone.Architecture) error
	// Owns decides by tensor names whether a file without metadata is an adapter of this method; nil means never.
	Owns func(names []string) bool
	// New builds the method. It reads options through o, which checks their limits and records the first error.
	New func(o *Reader, a backbone.Architecture) Method
}

var definitions = map[string]Definition{}

// Register adds a method. Call it from an init function; it panics if the name is taken, or
// if another method has an option of the same name and another kind.
func Register(d Definition) {
	if _, taken := definitions[d.Name]; taken {
		panic("two methods are called " + d.Name)
	}
	for _, o := range d.Options {
		for _, other := range definitions {
			if same, err := other.option(o.Name); err == nil && same.Kind != o.Kind {
				panic(fmt.Sprintf("methods %s and %s declare the option %s with different kinds", d.Name, other.Name, o.Name))
			}
		}
	}
	definitions[d.Name] = d
}

// Names lists the registered methods alphabetically.
func Names() []string { return slices.Sorted(maps.Keys(definitions)) }

// TableOrder lists the methods in the order of the papers' tables: simple ones first, DTL and DTL+ last.
func TableOrder() []string {
	list := Names()
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(definitions[a].Place, definitions[b].Place) })
	return list
}

// Ours tells whether a method is DTL or DTL+.
func Ours(method string) bool { return definitions[method].Ours }

// Recognise returns the method whose adapter has these tensor names, or "". It is for files without metadata.
func Recognise(tensors []string) string {
	for _, name := range Names() {
		if owns := definitions[name].Owns; owns != nil && owns(tensors) {
			return name
		}
	}
	return ""
}

func find(method string) (Definition, error) {
	d, ok := definitions[method]
	if !ok {
		return d, fmt.Errorf("unknown method %q: use one of %s", method, strings.Join(Names(), ", "))
	}
	return d, nil
}

func (d Definition) option(name string) (Option, error) {
	i := slices.IndexFunc(d.Options, func(o Option) bool { return o.Name == name })
	if i < 0 {
		return Option{}, spell.Settingf(name, "%s has no meaning for the method %s: leave it out", d.Name)
	}
	return d.Options[i], nil
}

// NewMethod builds a method for a backbone. It checks the given options, fills in defaults, and returns the
// resulting options along with the method.
func NewMethod(name string, given Values, a backbone.Architecture) (Method, Values, error) {
	d, err := find(name)
	if err != nil {
		return nil, nil, err
	}
	for _, option := range slices.Sorted(maps.Keys(given)) {
		if _, err := d.option(option); err != nil {
			return nil, nil, err
		}
	}
	if d.Supports != nil {
		if err := d.Supports(a); err != nil {
			return nil, nil, spell.Settingf("method", "%s %s is not possible: %w", name, err)
		}
	}
	r := &Reader{method: d, given: given, resolved: Values{}}
	m := d.New(r, a)
	return m, r.resolved, r.err
}
