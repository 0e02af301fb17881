package check

import (
	"context"
	"fmt"
	"slices"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/finding"
	"dtl-tf/runner/internal/origin"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/report"
)

// Report is the result of checking the data set of one task.
type Report struct {
	Task        suite.Task
	Dir         string         // "" if it is missing
	Counts      map[string]int // images by list
	Seen        int            // classes with an image in train800val200.txt
	Unreadable  int            // images that are missing or can't be decoded
	Shared      int            // images of test.txt that are in train800val200.txt too
	Twice       int            // images that a list repeats under another name
	Fingerprint string         // as in run.json; "" if files are missing
	Origin      string         // see origin.Of; "" if the lists cannot be read
	Problems    int
	Findings    []finding.Finding
}

// officialClasses is the number of classes with a training image in the official copies that lack some.
var officialClasses = map[string]int{"sun397": 325}

// checkTask checks the data set of a task in dir. progress starts a progress report of total images.
func checkTask(ctx context.Context, task suite.Task, dir string, load func(string) ([]uint8, error), progress func(total int) func(int)) (Report, error) {
	r := Report{Task: task, Dir: dir, Counts: map[string]int{}}
	var f finding.List
	lists := map[string]list{}
	for _, name := range listNames {
		lists[name] = readList(dir, name, task.Classes, &f)
		r.Counts[name] = len(lists[name].entries)
	}
	compareSizes(task, lists, &f)
	r.Seen = reportClasses(task, lists, &f)

	images := distinct(lists)
	items := make([]data.Item, len(images))
	for i, e := range images {
		items[i] = e.Item
	}
	contents, err := readAll(ctx, items, load, progress(len(items)))
	if err != nil {
		return r, err
	}
	if load != nil {
		survey, err := data.Look(ctx, items, data.Images{})
		if err != nil {
			return r, err
		}
		for _, note := range survey.Notes() {
			f.Remark("survey", dir, "%s", note)
		}
	}
	for _, e := range images {
		switch c := contents[e.Path]; {
		case c.missing != nil:
			f.Problem("files that are missing", e.where(), "%v", c.missing)
			r.Unreadable++
		case c.broken != nil:
			f.Problem("unreadable images", e.where(), "%v", c.broken)
			r.Unreadable++
		}
	}
	train, test := lists[trainValList].entries, lists[testList].entries
	compareJoint(lists, contents, &f)
	r.Shared = reportShared(train, test, contents, &f)
	r.Twice = reportTwice(train, contents, &f) + reportTwice(test, contents, &f)
	if f.Count("files that are missing")+f.Count("bad lines") == 0 && len(train) > 0 && len(test) > 0 {
		r.Fingerprint = fingerprint(contents, slices.Concat(train, test))
	}
	if r.Origin = origin.Of(dir, task.Folder, r.Fingerprint); r.Origin != "" && r.Origin != origin.Official {
		f.Remark("origin", dir, "%s", r.Origin)
	}
	// A run may object to what this check does not know.
	if _, err := data.OpenClasses(dir, task.Classes); err != nil && f.Problems() == 0 {
		f.Problem("refused", dir, "%v", err)
	}
	r.Problems, r.Findings = f.Problems(), f.All()
	return r, nil
}

// distinct returns the first entry of each file in all lists.
func distinct(lists map[string]list) (images []entry) {
	seen := map[string]bool{}
	for _, name := range listNames {
		for _, e := range lists[name].entries {
			if !seen[e.Path] {
				seen[e.Path] = true
				images = append(images, e)
			}
		}
	}
	return images
}

// compareSizes compares the number of images with the registry's.
func compareSizes(task suite.Task, lists map[string]list, f *finding.List) {
	published := map[string][]int{
		trainList: {suite.TrainImages}, valList: {suite.ValImages}, trainValList: {suite.TrainValImages}, testList: task.Test,
	}
	for _, name := range listNames {
		l, want := lists[name], published[name]
		if n := len(l.entries); n > 0 && !slices.Contains(want, n) {
			text := fmt.Sprint(want[0])
			for _, other := range want[1:] {
				text += fmt.Sprintf(", or %d in another known copy", other)
			}
			f.Problem("wrong sizes", l.path, "%s, VTAB-1k has %s: results are not comparable with published ones", report.Count(n, "image"), text)
		}
	}
}

// reportClasses reports classes without an image, and returns how many have one in train800val200.txt.
func reportClasses(task suite.Task, lists map[string]list, f *finding.List) (trained int) {
	for _, name := range []string{trainList, trainValList, testList} {
		l := lists[name]
		if len(l.entries) == 0 {
			continue
		}
		has := map[int]bool{}
		for _, e := range l.entries {
			has[e.Label] = true
		}
		if name == trainValList {
			trained = len(has)
		}
		var missing []string
		for c := range task.Classes {
			if !has[c] {
				missing = append(missing, fmt.Sprint(c))
			}
		}
		if len(missing) == 0 {
			continue
		}
		report, why := f.Problem, ": classes never seen cannot be learned"
		switch {
		case name == testList:
			report, why = f.Remark, ": not tested"
		case name == trainList:
			report, why = f.Remark, ": a search trains without any"
		case officialClasses[task.Folder] == len(has):
			report, why = f.Remark, ", as in the official copy"
		}
		word := "class"
		if len(missing) > 1 {
			word = "classes"
		}
		report("classes", l.path, "no image of %s %s of %d%s", word, spell.Few(missing, finding.MaxListed), task.Classes, why)
	}
	return trained
}
