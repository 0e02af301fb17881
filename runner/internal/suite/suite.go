// Package suite is the registry of VTAB-1k (Zhai et al. 2019, arXiv 1910.04867): its 19 tasks, their groups, names and sizes.
package suite

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"dtl-tf/graph/spell"
)

// tasks.csv has one row per task, in the order of the papers' tables. Classes and test sizes are those of the VTAB authors' data
// loaders (github google-research/task_adaptation). test_also is the size of another copy in wide use: the archive of the NOAH
// authors has a stray file among the test images of Caltech-101.
//
//go:embed tasks.csv
var tasksFile []byte

// The sizes of the training lists of every task: train800.txt, val200.txt and train800val200.txt.
const (
	TrainImages    = 800
	ValImages      = 200
	TrainValImages = TrainImages + ValImages
)

// Task is one of the 19 data sets of VTAB-1k.
type Task struct {
	Folder  string   // name of its folder, and of the task in this program
	Name    string   // short, as in the papers' tables
	Group   string   // Natural, Specialized or Structured
	Classes int      // of the data set; a list may lack some
	Test    []int    // images in test.txt: the published size, then those of other known copies
	Aliases []string // other names of the folder, in lower case with underscores
}

// Tasks returns the 19 tasks in the order of the papers' tables.
func Tasks() []Task { return slices.Clone(tasks()) }

var tasks = sync.OnceValue(func() (list []Task) {
	lines, err := csv.NewReader(bytes.NewReader(tasksFile)).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("tasks.csv of package suite: %v", err)) // a test reads the file
	}
	for _, l := range lines[1:] {
		t := Task{Folder: l[0], Name: l[1], Group: l[2], Classes: number(l[3]), Aliases: strings.Fields(l[6])}
		for size := range strings.FieldsSeq(l[4] + " " + l[5]) {
			t.Test = append(t.Test, number(size))
		}
		list = append(list, t)
	}
	return list
})

func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(fmt.Sprintf("tasks.csv of package suite: %v", err))
	}
	return n
}

// TaskOf finds a task by its folder, short name or alias, ignoring case, dashes and a leading "vtab-". The error for an unknown
// name suggests the nearest.
func TaskOf(name string) (Task, error) {
	plain := plainName(name)
	var known []string
	for _, t := range tasks() {
		names := append([]string{t.Folder, plainName(t.Name)}, t.Aliases...)
		if slices.Contains(names, plain) {
			return t, nil
		}
		known = append(known, names...)
	}
	return Task{}, fmt.Errorf("task %q is unknown%s", name, spell.DidYouMean(plain, known))
}

// plainName is the form in which names are compared.
func plainName(name string) string {
	plain := strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(strings.TrimSpace(name)))
	return strings.TrimPrefix(plain, "vtab_")
}

// Dir finds the task's folder below root, under its usual name or an alias.
func (t Task) Dir(root string) (string, error) {
	for _, name := range append([]string{t.Folder}, t.Aliases...) {
		for _, spelled := range []string{name, strings.ReplaceAll(name, "_", "-")} {
			path := filepath.Join(root, spelled)
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s has no folder for the task %s (looked for %s and, as other names of it, %s)",
		root, t.Folder, t.Folder, strings.Join(t.Aliases, ", "))
}

// All selects every task.
const All = "all"

// Select parses a comma-separated list of tasks, groups ("natural") or "all". It returns each task once, in the order of the
// papers' tables.
func Select(text string) ([]Task, error) {
	chosen := map[string]bool{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		group := func(t Task) bool { return strings.EqualFold(t.Group, name) || strings.EqualFold(name, All) }
		if slices.ContainsFunc(tasks(), group) {
			for _, t := range tasks() {
				chosen[t.Folder] = chosen[t.Folder] || group(t)
			}
			continue
		}
		t, err := TaskOf(name)
		if err != nil {
			return nil, fmt.Errorf("%w; a group is one of natural, specialized, structured, and %q is every task", err, All)
		}
		chosen[t.Folder] = true
	}
	return slices.DeleteFunc(Tasks(), func(t Task) bool { return !chosen[t.Folder] }), nil
}
