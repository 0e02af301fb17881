package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"dtl-tf/runner"
)

// define adds a flag for each setting. Its default is the field's value.
func define(f *pflag.FlagSet, settings ...runner.Setting) {
	for _, s := range settings {
		switch p := s.Value.(type) {
		case *bool:
			f.BoolVar(p, s.Name, *p, s.Help)
		case *int:
			f.IntVar(p, s.Name, *p, s.Help)
		case *int64:
			f.Int64Var(p, s.Name, *p, s.Help)
		case *uint64:
			f.Uint64Var(p, s.Name, *p, s.Help)
		case *float64:
			f.Float64Var(p, s.Name, *p, s.Help)
		case *string:
			f.StringVar(p, s.Name, *p, s.Help)
		default:
			panic(fmt.Sprintf("setting %s has a field of type %T", s.Name, p))
		}
		accept(f, s.Name, s.OneOf...)
	}
}

// group returns the settings of a group of a help page.
func group(title string, settings []runner.Setting) []runner.Setting {
	return slices.DeleteFunc(slices.Clone(settings), func(s runner.Setting) bool { return s.Group != title })
}

// setting returns the setting of a name. A help text replaces the setting's own unless it is empty.
func setting(settings []runner.Setting, name, help string) runner.Setting {
	i := slices.IndexFunc(settings, func(s runner.Setting) bool { return s.Name == name })
	if i < 0 {
		panic("there is no setting " + name)
	}
	s := settings[i]
	if help != "" {
		s.Help = help
	}
	return s
}
