package dtl

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Options are a method's settings by name, with values as on the command line ("rank": "2"). An option that is not set has
// the method's default.
type Options map[string]string

// Option describes one setting of a method.
type Option struct {
	Name    string // name of the flag, without the dashes
	Text    string // help text
	Default string // default as help shows it
}

// OptionHelp is an option with the defaults of all methods that have it.
type OptionHelp struct {
	Name string
	Text string // help text, with the default of each method
}

// AllOptions lists the options of all methods, for flags and their help.
func AllOptions() []OptionHelp {
	texts := map[string]string{}
	defaults := map[string][]string{}
	for _, name := range Names() {
		for _, o := range definitions[name].Options {
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
	for _, o := range definitions[method].Options {
		names = append(names, o.Name)
	}
	return names
}

// Reader reads options for a method's constructor, one call for each option, and records the first error.
type Reader struct {
	given, resolved Options
	err             error
}

// Whole reads a whole number from minValue to maxValue. why says in the error where maxValue comes from; it may be "".
func (r *Reader) Whole(name string, byDefault, minValue, maxValue int, why string) int {
	v := byDefault
	if text, ok := r.given[name]; ok {
		n, err := strconv.Atoi(text)
		if err != nil {
			r.fail("--%s %q is not a whole number", name, text)
		}
		v = n
	}
	if v < minValue || v > maxValue {
		r.fail("--%s %d is not possible: choose %d to %d%s", name, v, minValue, maxValue, because(why))
	}
	r.resolved[name] = strconv.Itoa(v)
	return v
}

// Positive reads a number above 0 and at most 1e9.
func (r *Reader) Positive(name string, byDefault float64) float64 {
	v := byDefault
	if text, ok := r.given[name]; ok {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			r.fail("--%s %q is not a number", name, text)
		}
		v = x
	}
	if !(v > 0) || v > 1e9 {
		r.fail("--%s %v is not possible: it must be above 0 and at most 1e9", name, v)
	}
	r.resolved[name] = strconv.FormatFloat(v, 'g', -1, 64)
	return v
}

// Sizes reads whole numbers from minValue to maxValue, one for each block ("8,4,0") or one for all of them ("8").
func (r *Reader) Sizes(name string, byDefault, blocks, minValue, maxValue int) []int {
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
		} else if n < minValue || n > maxValue {
			r.fail("--%s %d is not possible: choose %d to %d", name, n, minValue, maxValue)
		}
		list[i] = n
	}
	r.resolved[name] = joined(list)
	return list
}

// joined is the inverse of Sizes: one number if all sizes are equal, else a list.
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

func (r *Reader) fail(format string, args ...any) {
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
