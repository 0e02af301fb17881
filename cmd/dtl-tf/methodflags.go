package main

import (
	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

// methodFlags are the method and its options. Only options that the user gave are passed on, so that they can
// be held against what an adapter file says.
type methodFlags struct {
	method, pool string
	options      map[string]*string
}

func (m *methodFlags) define(g *groups, usage, byDefault string) {
	m.options = map[string]*string{}
	g.add("Method", func(f *pflag.FlagSet) {
		f.StringVar(&m.method, "method", byDefault, usage)
		f.StringVar(&m.pool, "pool", "", "what the classifier sees: `mean` of the patch tokens or cls (default: mean for dtl and dtl+, cls for the others)")
		for _, o := range runner.MethodOptions() {
			m.options[o.Name] = f.String(o.Name, "", o.Text)
		}
	})
}

func (m *methodFlags) config(g *groups) runner.MethodConfig {
	c := runner.MethodConfig{Method: m.method, Pool: m.pool, Options: map[string]string{}}
	for name, value := range m.options {
		if g.changed(name) {
			c.Options[name] = *value
		}
	}
	return c
}
