package dtl

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dtl-tf/graph/backbone"
)

// Definition is what a method registers. Flags, help, tables, run.json and the adapter file follow from it.
type Definition struct {
	Name    string   // the value of --method
	Place   int      // tables are sorted by Place, then by Name
	Ours    bool     // DTL or DTL+: last in tables, highlighted in figures
	Options []Option // flags and help follow from them; New must read every one
	// Supports returns why the method cannot adapt a backbone; nil means that it can adapt any.
	Supports func(a backbone.Architecture) error
	// Owns decides by tensor names whether a file without metadata is an adapter of this method; nil means never.
	Owns func(names []string) bool
	// New builds the method. It reads options through o, which checks their limits and records the first error.
	New func(o *Reader, a backbone.Architecture) Method
}

var definitions = map[string]Definition{}

// Register adds a method. Call it from an init function; it panics if the name is taken.
func Register(d Definition) {
	if _, taken := definitions[d.Name]; taken {
		panic("two methods are called " + d.Name)
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

// NewMethod builds a method for a backbone. It checks the given options, fills in defaults, and returns the
// resulting options along with the method.
func NewMethod(name string, given Options, a backbone.Architecture) (Method, Options, error) {
	d, ok := definitions[name]
	if !ok {
		return nil, nil, fmt.Errorf("unknown method %q: use one of %s", name, strings.Join(Names(), ", "))
	}
	known := OptionNames(name)
	for _, option := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, option) {
			return nil, nil, fmt.Errorf("--%s has no meaning for the method %s: leave it out", option, name)
		}
	}
	if d.Supports != nil {
		if err := d.Supports(a); err != nil {
			return nil, nil, fmt.Errorf("--method %s is not possible: %w", name, err)
		}
	}
	r := &Reader{given: given, resolved: Options{}}
	m := d.New(r, a)
	return m, r.resolved, r.err
}
