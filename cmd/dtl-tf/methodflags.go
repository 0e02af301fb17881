package main

import (
	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

// methodFlags are the method and its options. Only options that the user gave are passed on, so that they can
// be held against what an adapter file says.
type methodFlags struct {
	method, pool string
	options      map[string]*optionValue
}

func (m *methodFlags) define(g *groups, usage, byDefault string) {
	m.options = map[string]*optionValue{}
	g.add("Method", func(f *pflag.FlagSet) {
		f.StringVar(&m.method, "method", byDefault, usage)
		f.StringVar(&m.pool, "pool", "", "what the classifier sees, `mean|cls`: the patch tokens' mean or the class token (default: mean for dtl and dtl+, cls for the others)")
		for _, o := range runner.MethodOptions() {
			value := new(optionValue)
			f.Var(value, o.Name, o.Text)
			m.options[o.Name] = value
		}
	})
}

func (m *methodFlags) config(g *groups) runner.MethodConfig {
	c := runner.MethodConfig{Method: m.method, Pool: m.pool, Options: map[string]string{}}
	for name, value := range m.options {
		if g.changed(name) {
			c.Options[name] = string(*value)
		}
	}
	return c
}

// optionValue is a string that help calls a value: most are numbers, and the method checks them.
type optionValue string

func (v *optionValue) Set(text string) error { *v = optionValue(text); return nil }
func (v *optionValue) String() string        { return string(*v) }
func (v *optionValue) Type() string          { return "value" }
