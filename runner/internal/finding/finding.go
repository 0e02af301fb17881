// Package finding collects what a check of data finds: problems and remarks, of which it lists the first of each kind.
package finding

import (
	"fmt"
	"io"
	"slices"
)

// Finding is a problem, which makes results wrong or impossible, or a remark, which does not.
type Finding struct {
	Problem bool   `json:"problem"`
	Where   string `json:"where"` // file, with the line if there is one
	Text    string `json:"text"`
}

// String formats the finding as one line.
func (f Finding) String() string {
	kind := "remark"
	if f.Problem {
		kind = "problem"
	}
	return fmt.Sprintf("%-7s  %s: %s", kind, f.Where, f.Text)
}

// MaxListed is how many findings of one kind are listed; further ones are only counted.
const MaxListed = 10

// List collects the findings in one data set.
type List struct {
	listed   []Finding
	more     []Finding      // the last unlisted finding of each kind, with the kind as its text
	counts   map[string]int // by kind, listed or not
	problems int            // listed or not
}

func (f *List) add(problem bool, kind, where, format string, args ...any) {
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	if problem {
		f.problems++
	}
	if f.counts[kind]++; f.counts[kind] <= MaxListed {
		f.listed = append(f.listed, Finding{problem, where, fmt.Sprintf(format, args...)})
		return
	}
	last := Finding{problem, where, kind}
	if i := slices.IndexFunc(f.more, func(m Finding) bool { return m.Text == kind }); i >= 0 {
		f.more[i] = last
	} else {
		f.more = append(f.more, last)
	}
}

// Problem adds a problem. Further ones of its kind are counted only, beyond MaxListed.
func (f *List) Problem(kind, where, format string, args ...any) {
	f.add(true, kind, where, format, args...)
}

// Remark adds a remark, as Problem does a problem.
func (f *List) Remark(kind, where, format string, args ...any) {
	f.add(false, kind, where, format, args...)
}

// Problems is the number of problems, listed or not.
func (f *List) Problems() int { return f.problems }

// Count is the number of findings of a kind, listed or not.
func (f *List) Count(kind string) int { return f.counts[kind] }

// All returns the listed findings and a line for the rest of each kind, problems first.
func (f *List) All() []Finding {
	all := slices.Clone(f.listed)
	for _, last := range f.more {
		last.Text = fmt.Sprintf("the last of %d more: %s", f.counts[last.Text]-MaxListed, last.Text)
		all = append(all, last)
	}
	remarks := slices.DeleteFunc(slices.Clone(all), func(f Finding) bool { return f.Problem })
	return append(slices.DeleteFunc(all, func(f Finding) bool { return !f.Problem }), remarks...)
}

// Print writes a line for each finding, after prefix.
func Print(w io.Writer, prefix string, list []Finding) error {
	for _, f := range list {
		if _, err := fmt.Fprintf(w, "%s%s\n", prefix, f); err != nil {
			return err
		}
	}
	return nil
}
