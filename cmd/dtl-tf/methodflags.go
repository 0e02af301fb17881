package main

import (
	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

// methodFlags are the method and its options. Only options that the user set are passed on, so that they can be checked
// against an adapter file.
type methodFlags struct {
	method, pool string
	options      map[string]*optionValue
}

func (m *methodFlags) define(g *groups, usage, byDefault string) {
	m.options = map[string]*optionValue{}
	g.add("Method", func(f *pflag.FlagSet) {
		f.StringVar(&m.method, "method", byDefault, usage)
		accept(f, "method", runner.Methods()...)
		f.StringVar(&m.pool, "pool", "", "input of the classifier, a `pool`: mean, cls, mean+cls or map, which are the mean of the patch tokens, the class token, both, or SigLIP's attention pooling (default: mean for dtl and dtl+; for the others what is usual for the backbone, cls for most)")
		accept(f, "pool", runner.Pools()...)
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
		if g.all.Changed(name) {
			c.Options[name] = string(*value)
		}
	}
	return c
}

// optionValue is a string that help shows as a value: most options are numbers, which the method checks.
type optionValue string

func (v *optionValue) Set(text string) error { *v = optionValue(text); return nil }
func (v *optionValue) String() string        { return string(*v) }
func (v *optionValue) Type() string          { return "value" }

// adaptedFlags are the flags of commands that read a backbone with an adapter.
type adaptedFlags struct {
	adapter  string
	adapters []string // of commands that take several
	backbone backboneFlags
	method   methodFlags
}

// file defines --adapter. without says what happens without it.
func (a *adaptedFlags) file(f *pflag.FlagSet, without string) {
	f.StringVar(&a.adapter, "adapter", "", "adapter `file` of a run, or its folder ("+without+")")
}

// files defines --adapter for commands that take several. without says what happens without it.
func (a *adaptedFlags) files(f *pflag.FlagSet, without string) {
	f.StringArrayVar(&a.adapters, "adapter", nil, "adapter `file` of a run, NAME=FILE, or the folder of a run or of several; more than one --adapter share one backbone ("+without+")")
}

func (a *adaptedFlags) define(g *groups) {
	a.backbone.define(g, true)
	a.method.define(g, "`name` of the method, for adapter files that do not record it", "")
}

func (a *adaptedFlags) config(g *groups, screen streams) (runner.AdaptedConfig, error) {
	b, err := a.backbone.config(screen, false)
	return runner.AdaptedConfig{Backbone: b, Method: a.method.config(g), Adapter: a.adapter}, err
}
