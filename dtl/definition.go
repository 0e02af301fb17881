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
	Name    string   // what --method calls it
	Place   int      // in tables, which are sorted by it; methods of one place by name
	Ours    bool     // it is DTL's own, which tables put last and figures set apart
	Options []Option // for flags and help; New must read each of them
	// Supports says why the method does not apply to a backbone; nil means that it applies to all.
	Supports func(a backbone.Architecture) error
	// Owns tells whether a file of tensors without metadata, by their names, is an adapter of this method; nil means never.
	Owns func(names []string) bool
	// New makes the method. Values that do not fit the backbone go to the Reader's limits, not into an error.
	New func(o *Reader, a backbone.Architecture) Method
}

var definitions = map[string]Definition{}

// Register makes a method known. It is for init functions and panics when a name is taken.
func Register(d Definition) {
	if _, taken := definitions[d.Name]; taken {
		panic("two methods are called " + d.Name)
	}
	definitions[d.Name] = d
}

// Names lists the methods alphabetically.
func Names() []string { return slices.Sorted(maps.Keys(definitions)) }

// TableOrder lists the methods as papers do: simple ones first, DTL's own last.
func TableOrder() []string {
	list := Names()
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(definitions[a].Place, definitions[b].Place) })
	return list
}

// Ours tells whether a method is DTL's own.
func Ours(method string) bool { return definitions[method].Ours }

// Recognise finds the method to which a file of tensors without metadata belongs, by their names; "" if none claims it.
func Recognise(tensors []string) string {
	for _, name := range Names() {
		if owns := definitions[name].Owns; owns != nil && owns(tensors) {
			return name
		}
	}
	return ""
}

// NewMethod makes a method, fills in defaults and checks the options against the backbone. It returns
// the options as they count.
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
