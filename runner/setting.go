package runner

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Larger numbers are probably typing mistakes and would exhaust the machine.
const (
	maxBatch   = 1e6
	maxThreads = 4096
)

// Setting describes a field of a configuration: its name as a flag, its help text and the values it accepts. Commands make
// their flags from it.
type Setting struct {
	Name  string
	Help  string // quotes the name of the value with backquotes
	Group string // heading of the flag in a help page
	Value any    // pointer to the field: *bool, *int, *int64, *uint64, *float64 or *string

	OneOf    []string // accepted texts, nil for any
	Min, Max float64  // accepted numbers, unless Max is 0
}

// Check returns a UsageError for the first setting whose value is not accepted.
func Check(settings []Setting) error {
	for _, s := range settings {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

func (s Setting) check() error {
	var v float64
	switch p := s.Value.(type) {
	case *string:
		if s.OneOf != nil && !slices.Contains(s.OneOf, *p) {
			return Unknown(s.Name, *p, s.OneOf)
		}
	case *int:
		v = float64(*p)
	case *int64:
		v = float64(*p)
	case *float64:
		v = *p
	}
	if s.Max == 0 {
		return nil
	}
	if math.IsNaN(v) || v < s.Min || v > s.Max {
		return Usagef("--%s %s is not possible: it must be at least %v and at most %s", s.Name, plain(v), s.Min, plain(s.Max))
	}
	return nil
}

// plain formats whole numbers without an exponent: 1000000, not 1e+06.
func plain(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return fmt.Sprint(v)
}
