package dtl

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/backbone"
)

// Options are the settings of a method by name, spelled as on the command line ("rank": "2"). What is not
// there gets the method's default.
type Options map[string]string

// Option describes one setting of a method.
type Option struct {
	Name    string // of the flag, without dashes in front
	Text    string // what it is, for help
	Default string // as help shows it
}

// definition is what a method's file registers.
type definition struct {
	name    string
	options []Option
	// supports says why the method does not apply to a backbone; nil means that it applies to all.
	supports func(a backbone.Architecture) error
	make     func(o *reader, a backbone.Architecture) Method
}

var definitions = map[string]definition{}

func register(d definition) { definitions[d.name] = d }

// Names lists the methods.
func Names() []string { return slices.Sorted(maps.Keys(definitions)) }

// OptionHelp is one option of all methods that have it.
type OptionHelp struct {
	Name string
	Text string // with the defaults by method
}

// AllOptions lists the options of all methods, for flags and their help.
func AllOptions() []OptionHelp {
	texts := map[string]string{}
	defaults := map[string][]string{}
	for _, name := range Names() {
		for _, o := range definitions[name].options {
			texts[o.Name] = o.Text
			defaults[o.Name] = append(defaults[o.Name], name+" "+o.Default)
		}
	}
	var list []OptionHelp
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		list = append(list, OptionHelp{name, texts[name] + " (" + strings.Join(defaults[name], ", ") + ")"})
	}
	return list
}

// OptionNames lists the options of one method.
func OptionNames(method string) []string {
	var names []string
	for _, o := range definitions[method].options {
		names = append(names, o.Name)
	}
	return names
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
	if d.supports != nil {
		if err := d.supports(a); err != nil {
			return nil, nil, fmt.Errorf("--method %s is not possible: %w", name, err)
		}
	}
	r := &reader{given: given, resolved: Options{}}
	m := d.make(r, a)
	return m, r.resolved, r.err
}

// reader hands options to a method's constructor and keeps the first error.
type reader struct {
	given, resolved Options
	err             error
}

// whole reads a whole number from low to high.
func (r *reader) whole(name string, byDefault, low, high int, why string) int {
	v := byDefault
	if text, ok := r.given[name]; ok {
		n, err := strconv.Atoi(text)
		if err != nil {
			r.fail("--%s %q is not a whole number", name, text)
		}
		v = n
	}
	if v < low || v > high {
		r.fail("--%s %d is not possible: choose %d to %d%s", name, v, low, high, because(why))
	}
	r.resolved[name] = strconv.Itoa(v)
	return v
}

// positive reads a number above 0.
func (r *reader) positive(name string, byDefault float64) float64 {
	v := byDefault
	if text, ok := r.given[name]; ok {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			r.fail("--%s %q is not a number", name, text)
		}
		v = x
	}
	if !(v > 0) || v > 1e9 {
		r.fail("--%s %v is not possible: it must be above 0", name, v)
	}
	r.resolved[name] = strconv.FormatFloat(v, 'g', -1, 64)
	return v
}

// sizes reads one whole number from low to high for each block, or one for all of them: "8" or "8,4,0".
func (r *reader) sizes(name string, byDefault, blocks, low, high int) []int {
	text, ok := r.given[name]
	if !ok {
		text = strconv.Itoa(byDefault)
	}
	fields := strings.Split(text, ",")
	if len(fields) != 1 && len(fields) != blocks {
		r.fail("--%s has %d numbers: give one for all blocks or %d, one a block", name, len(fields), blocks)
	}
	list := make([]int, blocks)
	for i := range list {
		field := strings.TrimSpace(fields[min(i, len(fields)-1)])
		n, err := strconv.Atoi(field)
		if err != nil {
			r.fail("--%s: %q is not a whole number", name, field)
		} else if n < low || n > high {
			r.fail("--%s %d is not possible: choose %d to %d", name, n, low, high)
		}
		list[i] = n
	}
	r.resolved[name] = joined(list)
	return list
}

// joined writes sizes as they are read, one number if all are the same.
func joined(sizes []int) string {
	var texts []string
	for _, n := range sizes {
		texts = append(texts, strconv.Itoa(n))
	}
	if len(slices.Compact(slices.Clone(texts))) == 1 {
		return texts[0]
	}
	return strings.Join(texts, ",")
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ", " + why
}
