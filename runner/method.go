package runner

import (
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/spell"
)

// MethodConfig holds the user's choice of a method. Omitted values come from the adapter file or are the method's defaults.
type MethodConfig struct {
	Method  string      `json:"method"`
	Options dtl.Options `json:"method_options,omitempty"`
	Pool    string      `json:"pool"` // a backbone.Pool; "": the method's
}

// MethodNames lists the methods, for help texts.
func MethodNames() string { return strings.Join(dtl.Names(), ", ") }

// Methods lists the methods by name.
func Methods() []string { return dtl.Names() }

// Pools lists the poolings by name.
func Pools() []string {
	var names []string
	for _, p := range backbone.Pools() {
		names = append(names, string(p))
	}
	return names
}

// MethodOptions lists the options of all methods, for flags.
func MethodOptions() []dtl.Option { return dtl.AllOptions() }

// AllMethods selects every method in a list.
const AllMethods = "all"

// ParseMethods parses a comma-separated list of methods, or AllMethods, the value of --methods. It returns each method once, in the
// order of the list.
func ParseMethods(text string) (methods []string, err error) {
	if text == AllMethods {
		return dtl.Names(), nil
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(dtl.Names(), name) {
			return nil, Usagef("--methods: %q is unknown%s; use %s, or some of %s with commas between them",
				name, spell.DidYouMean(name, dtl.Names()), AllMethods, strings.Join(dtl.TableOrder(), ", "))
		}
		if !slices.Contains(methods, name) {
			methods = append(methods, name)
		}
	}
	return methods, nil
}

// AdaptedConfig selects a backbone and a trained adapter for it.
type AdaptedConfig struct {
	Backbone BackboneConfig
	Method   MethodConfig // for adapter files that do not record the method
	Adapter  string       // file
}

// Settings is a method with every option resolved.
type Settings struct {
	Method  dtl.Method
	Options dtl.Options
	Pool    backbone.Pool
}

// Resolve fills in defaults and checks the options against the backbone. Its errors are UsageErrors.
func (c MethodConfig) Resolve(a backbone.Architecture) (s Settings, err error) {
	given, err := dtl.ParseOptions(c.Method, c.Options)
	if err != nil {
		return s, &UsageError{WithFlag(err)}
	}
	var values dtl.Values
	if s.Method, values, err = dtl.NewMethod(c.Method, given, a); err != nil {
		return s, &UsageError{WithFlag(err)}
	}
	s.Options = values.Options()
	s.Pool = backbone.DefaultPool(a, s.Method.Pool())
	if c.Pool != "" {
		if s.Pool, err = backbone.ParsePool(c.Pool); err != nil {
			return s, Usagef("--pool: %w", err)
		}
		if err := backbone.CheckPool(a, s.Pool); err != nil {
			return s, Usagef("--pool: %w", err)
		}
	}
	return s, nil
}
