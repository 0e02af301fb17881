package dtl

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/spell"
)

// Values are a method's options by name, each an int, a float64 or an []int as the option's Kind says. An absent option has
// the method's default.
type Values map[string]any

// Options are a method's options by name, as flags and files spell them ("rank": "2").
type Options map[string]string

// Option describes one setting of a method.
type Option struct {
	Name    string
	Kind    Kind
	Text    string // help text
	Default string // default as help shows it
}

// Kind is the type of an option's values.
type Kind int

// The kinds of options.
const (
	Whole  Kind = iota // int
	Number             // float64
	Sizes              // []int: one for each block, or one for all of them
)

// zero returns a value of the kind's type.
func (k Kind) zero() any {
	switch k {
	case Whole:
		return 0
	case Number:
		return 0.0
	}
	return []int(nil)
}

// parse reads a value as flags and files spell it: "2", "0.1", or for Sizes "8,4,0" or "8".
func (o Option) parse(text string) (any, error) {
	switch o.Kind {
	case Whole:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, spell.Settingf(o.Name, "%s %q is not a whole number", text)
		}
		return n, nil
	case Number:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, spell.Settingf(o.Name, "%s %q is not a number", text)
		}
		return x, nil
	}
	var sizes []int
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		n, err := strconv.Atoi(field)
		if err != nil {
			return nil, spell.Settingf(o.Name, "%s: %q is not a whole number", field)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

// ParseOptions reads a method's options as flags and files spell them.
func ParseOptions(method string, texts Options) (Values, error) {
	d, err := find(method)
	if err != nil {
		return nil, err
	}
	options := Values{}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		o, err := d.option(name)
		if err != nil {
			return nil, err
		}
		if options[name], err = o.parse(texts[name]); err != nil {
			return nil, err
		}
	}
	return options, nil
}

// Options is the inverse of ParseOptions. Sizes that are all equal become one number.
func (o Values) Options() Options {
	texts := Options{}
	for name, v := range o {
		switch v := v.(type) {
		case float64:
			texts[name] = strconv.FormatFloat(v, 'g', -1, 64)
		case []int:
			if len(slices.Compact(slices.Clone(v))) == 1 {
				v = v[:1]
			}
			texts[name] = strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]")
		default:
			texts[name] = fmt.Sprint(v)
		}
	}
	return texts
}

// AllOptions lists the options of all methods, for flags and their help. Text includes the default of each method; Default is
// empty.
func AllOptions() []Option {
	all := map[string]Option{}
	defaults := map[string][]string{}
	for _, name := range Names() {
		for _, o := range definitions[name].Options {
			all[o.Name] = o
			defaults[o.Name] = append(defaults[o.Name], name+" "+o.Default)
		}
	}
	var list []Option
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o := all[name]
		o.Text, o.Default = o.Text+" ("+strings.Join(defaults[name], ", ")+")", ""
		list = append(list, o)
	}
	return list
}

// OptionNames lists the options of one method.
func OptionNames(method string) []string {
	var names []string
	for _, o := range definitions[method].Options {
		names = append(names, o.Name)
	}
	return names
}

// Reader reads options for a method's constructor, one call for each option, and records the first error.
type Reader struct {
	method          Definition
	given, resolved Values
	err             error
}

// Whole reads an option from minValue to maxValue. why says in the error where maxValue comes from; it may be "".
func (r *Reader) Whole(name string, byDefault, minValue, maxValue int, why string) int {
	v := read(r, name, byDefault)
	r.between(name, v, minValue, maxValue, why)
	return v
}

// Positive reads an option of kind Number that is above 0 and at most 1e9.
func (r *Reader) Positive(name string, byDefault float64) float64 {
	v := read(r, name, byDefault)
	if !(v > 0) || v > 1e9 {
		r.fail(name, "%s %v is not possible: it must be above 0 and at most 1e9", v)
	}
	return v
}

// Sizes reads a number from minValue to maxValue for each block.
func (r *Reader) Sizes(name string, byDefault, blocks, minValue, maxValue int) []int {
	v := slices.Clone(read(r, name, []int{byDefault}))
	if len(v) == 1 {
		v = slices.Repeat(v, blocks)
	}
	if len(v) != blocks {
		r.fail(name, "%s has %d numbers: give one for all blocks or %d, one a block", len(v), blocks)
	}
	for _, n := range v {
		r.between(name, n, minValue, maxValue, "")
	}
	r.resolved[name] = slices.Clone(v)
	return v
}

// read returns the given value or the default. It panics if the method does not declare the option with the kind of T, which is a
// mistake in the method.
func read[T any](r *Reader, name string, byDefault T) T {
	o, err := r.method.option(name)
	if err != nil {
		panic(err)
	}
	if _, ok := o.Kind.zero().(T); !ok {
		panic(fmt.Sprintf("method %s reads the option %s as %T, but declares another kind", r.method.Name, name, byDefault))
	}
	v := byDefault
	if given, ok := r.given[name]; ok {
		if v, ok = given.(T); !ok {
			r.fail(name, "%s is of the type %T, want %T", given, byDefault)
			v = byDefault
		}
	}
	r.resolved[name] = v
	return v
}

func (r *Reader) between(name string, v, minValue, maxValue int, why string) {
	if why != "" {
		why = ", " + why
	}
	if v < minValue || v > maxValue {
		r.fail(name, "%s %d is not possible: choose %d to %d%s", v, minValue, maxValue, why)
	}
}

func (r *Reader) fail(name, format string, args ...any) {
	if r.err == nil {
		r.err = spell.Settingf(name, format, args...)
	}
}
