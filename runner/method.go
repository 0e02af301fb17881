package runner

import (
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph/backbone"
)

// MethodConfig is what the user said about the method; what is left out comes from the adapter file or
// is the method's default.
type MethodConfig struct {
	Method  string      `json:"method"`
	Options dtl.Options `json:"method_options,omitempty"`
	Pool    string      `json:"pool"`
}

// MethodNames lists the methods, for help texts.
func MethodNames() string { return strings.Join(dtl.Names(), ", ") }

// MethodOptions lists the options of all methods, for flags.
func MethodOptions() []dtl.Option { return dtl.AllOptions() }

// Settings is a method with every option resolved.
type Settings struct {
	Method  dtl.Method
	Options dtl.Options
	Pool    backbone.Pool
}

// Resolve fills in defaults and checks the options against the backbone.
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
	s.Pool = s.Method.Pool()
	if c.Pool != "" {
		if s.Pool, err = backbone.ParsePool(c.Pool); err != nil {
			return s, Usagef("--pool: %w", err)
		}
	}
	return s, nil
}
