package data

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

// TestSkips counts each image once.
func TestSkips(t *testing.T) {
	var notes bytes.Buffer
	s := &Skips{Note: func(format string, args ...any) { fmt.Fprintf(&notes, format+"\n", args...) }}
	for _, name := range []string{"a", "b", "a"} {
		s.Add(Item{Path: name}, errors.New(name+" is bad"))
	}
	if s.Count() != 2 || notes.String() != "skipped: a is bad\nskipped: b is bad\n" {
		t.Errorf("%d skipped: %s", s.Count(), notes.String())
	}
}
