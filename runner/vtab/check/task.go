package check

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
	"dtl-tf/runner/suite"
)

// Report is what was found in the data set of one task.
type Report struct {
	Task        suite.Task
	Dir         string // "" where it is missing
	Counts      map[string]int
	Seen        int    // classes with an image in train800val200.txt
	Unreadable  int    // images that are missing or can't be decoded
	Shared      int    // images of test.txt that are in train800val200.txt too
	Twice       int    // images that a list holds a second time under another name
	Fingerprint string // as run.json has it; "" where files are missing
	Problems    int
	Findings    []Finding
}

// known is the number of classes with a training image in the official copy, where that is not all of them.
var known = map[string]int{"sun397": 325}

// one checks the data set of a task in dir.
func one(ctx context.Context, task suite.Task, dir string, load func(string) ([]uint8, error), progress func(total int) func(int)) (Report, error) {
	r := Report{Task: task, Dir: dir, Counts: map[string]int{}}
	var f findings
	all := map[string]list{}
	for _, name := range lists() {
		all[name] = readList(dir, name, task.Classes, &f)
		r.Counts[name] = len(all[name].entries)
	}
	sizes(task, all, &f)
	r.Seen = classes(task, all, &f)

	paths := unique(all)
	contents, err := readAll(ctx, paths, load, progress(len(paths)))
	if err != nil {
		return r, err
	}
	if load != nil {
		survey, err := data.Look(ctx, itemsOf(paths, dir))
		if err != nil {
			return r, err
		}
		for _, note := range survey.Notes() {
			f.remark("survey", dir, "%s", note)
		}
	}
	told := map[string]bool{}
	whole := true
	for _, name := range lists() {
		for _, e := range all[name].entries {
			c := contents[e.Path]
			whole = whole && c.missing == nil
			switch {
			case told[e.Path]:
				continue
			case c.missing != nil:
				f.problem("files that are missing", e.where(), "%v", c.missing)
				r.Unreadable++
			case c.broken != nil:
				f.problem("unreadable images", e.where(), "%v", c.broken)
				r.Unreadable++
			}
			told[e.Path] = true
		}
	}
	train, test := all[trainValList].entries, all[testList].entries
	joined(all, contents, &f)
	r.Shared = shared(train, test, contents, &f)
	r.Twice = twice(train, contents, &f) + twice(test, contents, &f)
	if whole && f.counts["bad lines"] == 0 && len(train) > 0 && len(test) > 0 {
		r.Fingerprint = fingerprint(contents, train, test)
	}
	// What a run would say has the last word.
	if _, err := data.OpenClasses(dir, task.Classes); err != nil && f.problems() == 0 {
		f.problem("refused", dir, "%v", err)
	}
	r.Problems, r.Findings = f.problems(), f.all()
	return r, nil
}

// itemsOf are files with names relative to dir.
func itemsOf(paths []string, dir string) []data.Item {
	items := make([]data.Item, len(paths))
	for i, path := range paths {
		items[i] = data.Item{Path: path, Name: path}
		if name, err := filepath.Rel(dir, path); err == nil {
			items[i].Name = filepath.ToSlash(name)
		}
	}
	return items
}

// unique are the files of all lists, each once.
func unique(all map[string]list) (paths []string) {
	seen := map[string]bool{}
	for _, name := range lists() {
		for _, e := range all[name].entries {
			if !seen[e.Path] {
				seen[e.Path] = true
				paths = append(paths, e.Path)
			}
		}
	}
	return paths
}

// sizes holds the number of images against the registry.
func sizes(task suite.Task, all map[string]list, f *findings) {
	published := map[string][]int{
		trainList: {suite.TrainImages}, valList: {suite.ValImages}, trainValList: {suite.TrainValImages}, testList: task.Test,
	}
	for _, name := range lists() {
		l, want := all[name], published[name]
		if n := len(l.entries); l.there && n > 0 && !slices.Contains(want, n) {
			text := fmt.Sprint(want[0])
			for _, other := range want[1:] {
				text += fmt.Sprintf(", or %d in another known copy", other)
			}
			f.problem("wrong sizes", l.path, "%s, VTAB-1k has %s: results will not compare with published ones", count(n, "image"), text)
		}
	}
}

// classes tells which classes have no image, and returns how many have one to train on.
func classes(task suite.Task, all map[string]list, f *findings) int {
	seen := 0
	for _, name := range lists() {
		l := all[name]
		if len(l.entries) == 0 || name == valList {
			continue
		}
		has := map[int]bool{}
		for _, e := range l.entries {
			has[e.Label] = true
		}
		var missing []string
		for c := range task.Classes {
			if !has[c] {
				missing = append(missing, fmt.Sprint(c))
			}
		}
		if name == trainValList {
			seen = len(has)
		}
		if len(missing) == 0 {
			continue
		}
		which := spell.Few(missing, most)
		switch {
		case name == testList:
			f.remark("classes", l.path, "no image of %s %s of %d: nothing is tested there", classWord(missing), which, task.Classes)
		case name == trainList:
			f.remark("classes", l.path, "no image of %s %s of %d: a search trains without", classWord(missing), which, task.Classes)
		case known[task.Folder] == len(has):
			f.remark("classes", l.path, "no image of %s %s of %d, as in the official copy", classWord(missing), which, task.Classes)
		default:
			f.problem("classes", l.path, "no image of %s %s of %d: what is never seen cannot be learned", classWord(missing), which, task.Classes)
		}
	}
	return seen
}

func classWord(list []string) string {
	if len(list) == 1 {
		return "class"
	}
	return "classes"
}
