package runner

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Larger numbers are more likely typing mistakes, and would exhaust the machine.
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
	Above    bool     // Min itself is not accepted
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
	if text, ok := s.Value.(*string); ok {
		if s.OneOf != nil && !slices.Contains(s.OneOf, *text) {
			return Usagef("--%s %q is unknown: use one of %s", s.Name, *text, strings.Join(s.OneOf, ", "))
		}
		return nil
	}
	v, ok := s.number()
	if !ok || s.Max == 0 {
		return nil
	}
	if math.IsNaN(v) || v < s.Min || v > s.Max || (s.Above && v == s.Min) {
		bound := "at least"
		if s.Above {
			bound = "above"
		}
		return Usagef("--%s %s is not possible: it must be %s %v and at most %s", s.Name, plain(v), bound, s.Min, plain(s.Max))
	}
	return nil
}

// number returns the value of a number that has limits.
func (s Setting) number() (v float64, ok bool) {
	switch p := s.Value.(type) {
	case *int:
		return float64(*p), true
	case *int64:
		return float64(*p), true
	case *float64:
		return *p, true
	}
	return 0, false
}

// plain formats whole numbers without an exponent: 1000000, not 1e+06.
func plain(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return fmt.Sprint(v)
}
