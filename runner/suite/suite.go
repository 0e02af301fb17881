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
)

// tasks.csv has one row a task, in the order of the papers' tables. Classes and test sizes are those of the VTAB
// authors' data loaders (github google-research/task_adaptation); test_also is the size of another copy in wide use:
// in the archive of the NOAH authors a stray file of Caltech-101 is among the test images.
//
//go:embed tasks.csv
var tasksFile []byte

// The sizes of the training lists, which are the same for all tasks (train800.txt, val200.txt, train800val200.txt).
const (
	TrainImages    = 800
	ValImages      = 200
	TrainValImages = TrainImages + ValImages
)

// Task is one of the 19 data sets of VTAB-1k.
type Task struct {
	Folder  string   // name of its folder, and of the task everywhere in this program
	Name    string   // short, as the papers' tables print it
	Group   string   // Natural, Specialized or Structured
	Classes int      // of the data set, though a list may lack some
	Test    []int    // images in test.txt: the published size, then those of other known copies
	Aliases []string // other names of the folder, in lower case with underscores
}

// Tasks are the 19 tasks in the order of the papers' tables.
func Tasks() []Task { return slices.Clone(tasks()) }

var tasks = sync.OnceValue(func() []Task {
	list, err := readTasks(tasksFile)
	if err != nil {
		panic(fmt.Sprintf("tasks.csv of package suite: %v", err)) // a test reads the file
	}
	return list
})

func readTasks(file []byte) ([]Task, error) {
	lines, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		return nil, err
	}
	var list []Task
	for i, l := range lines[1:] {
		t := Task{Folder: l[0], Name: l[1], Group: l[2], Aliases: strings.Fields(l[6])}
		if t.Classes, err = strconv.Atoi(l[3]); err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		for _, size := range append([]string{l[4]}, strings.Fields(l[5])...) {
			n, err := strconv.Atoi(size)
			if err != nil {
				return nil, fmt.Errorf("row %d: %w", i+1, err)
			}
			t.Test = append(t.Test, n)
		}
		list = append(list, t)
	}
	return list, nil
}

// TaskOf finds a task by its folder, its short name or an alias; case, dashes and a leading "vtab-" do not matter.
// The error for an unknown name says the nearest.
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
	return Task{}, fmt.Errorf("task %q is unknown%s", name, Nearest(plain, known))
}

func plainName(name string) string {
	plain := strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(strings.TrimSpace(name)))
	return strings.TrimPrefix(plain, "vtab_")
}

// Dir is the task's folder below root: the usual name, or one of the aliases where that is what is there.
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

// All stands for every task.
const All = "all"

// Select reads a list of tasks, groups ("natural") or "all", with commas between them. The result is in the order of
// the papers' tables, each task once.
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
	var list []Task
	for _, t := range tasks() {
		if chosen[t.Folder] {
			list = append(list, t)
		}
	}
	return list, nil
}
