package check

import "fmt"

// Finding is one thing that a user should know. A problem makes results wrong or impossible; a remark does not.
type Finding struct {
	Problem bool   `json:"problem"`
	Where   string `json:"where"` // file, with the line where it has one
	Text    string `json:"text"`
}

// String is the finding in one line.
func (f Finding) String() string {
	kind := "remark"
	if f.Problem {
		kind = "problem"
	}
	return fmt.Sprintf("%-7s  %s: %s", kind, f.Where, f.Text)
}

// most is how many findings of one kind are told one by one.
const most = 10

// findings collects what is found in one data set.
type findings struct {
	list   []Finding
	counts map[string]int // by kind, those that are not listed too
	hidden map[string]Finding
	kinds  []string // of hidden, in order
}

// add tells a finding, or only counts it where there are many of its kind.
func (f *findings) add(problem bool, kind, where, format string, args ...any) {
	if f.counts == nil {
		f.counts, f.hidden = map[string]int{}, map[string]Finding{}
	}
	f.counts[kind]++
	if f.counts[kind] <= most {
		f.list = append(f.list, Finding{problem, where, fmt.Sprintf(format, args...)})
		return
	}
	if _, ok := f.hidden[kind]; !ok {
		f.kinds = append(f.kinds, kind)
	}
	f.hidden[kind] = Finding{Problem: problem, Where: where}
}

func (f *findings) problem(kind, where, format string, args ...any) {
	f.add(true, kind, where, format, args...)
}

func (f *findings) remark(kind, where, format string, args ...any) {
	f.add(false, kind, where, format, args...)
}

// all are the findings told one by one, problems first, with a line for the rest of each kind.
func (f *findings) all() []Finding {
	list := f.list
	for _, kind := range f.kinds {
		last := f.hidden[kind]
		last.Text = fmt.Sprintf("the last of %d more: %s", f.counts[kind]-most, kind)
		list = append(list, last)
	}
	var sorted []Finding
	for _, problem := range []bool{true, false} {
		for _, one := range list {
			if one.Problem == problem {
				sorted = append(sorted, one)
			}
		}
	}
	return sorted
}

// problems is the number of problems, those that are not told one by one too.
func (f *findings) problems() int {
	n := 0
	for _, one := range f.list {
		if one.Problem {
			n++
		}
	}
	for kind, one := range f.hidden {
		if one.Problem {
			n += f.counts[kind] - most
		}
	}
	return n
}
