package check

import (
	"fmt"
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

// maxListed is how many findings of one kind are listed; further ones are only counted.
const maxListed = 10

// findings collects the findings in one data set.
type findings struct {
	listed   []Finding
	more     []Finding      // the last unlisted finding of each kind, with the kind as its text
	counts   map[string]int // by kind, listed or not
	problems int            // listed or not
}

func (f *findings) add(problem bool, kind, where, format string, args ...any) {
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	if problem {
		f.problems++
	}
	if f.counts[kind]++; f.counts[kind] <= maxListed {
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

func (f *findings) problem(kind, where, format string, args ...any) {
	f.add(true, kind, where, format, args...)
}

func (f *findings) remark(kind, where, format string, args ...any) {
	f.add(false, kind, where, format, args...)
}

// all returns the listed findings and a line for the rest of each kind, problems first.
func (f *findings) all() []Finding {
	all := slices.Clone(f.listed)
	for _, last := range f.more {
		last.Text = fmt.Sprintf("the last of %d more: %s", f.counts[last.Text]-maxListed, last.Text)
		all = append(all, last)
	}
	remarks := slices.DeleteFunc(slices.Clone(all), func(f Finding) bool { return f.Problem })
	return append(slices.DeleteFunc(all, func(f Finding) bool { return !f.Problem }), remarks...)
}
