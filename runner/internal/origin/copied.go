package origin

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/report"
)

// joint is the list that joins train800 and val200.
const joint = "train800val200"

// copied judges a data set without a record by its lists, which name files and labels but not the images' keys. It returns "" if there
// are no lists.
func copied(folder string, task suite.Task) string {
	lists := map[string][]data.Item{}
	for _, name := range []string{"train800", "val200", joint, "test"} {
		items, err := readList(folder, name, task.Classes)
		switch {
		case err == nil:
			lists[name] = items
		case !errors.Is(err, fs.ErrNotExist):
			return NotOfficial + ": " + err.Error()
		}
	}
	if len(lists) == 0 {
		return ""
	}
	for _, l := range []struct {
		name  string
		sizes []int
	}{{"train800", []int{suite.TrainImages}}, {"val200", []int{suite.ValImages}}, {joint, []int{suite.TrainValImages}}, {"test", task.Test}} {
		if items, ok := lists[l.name]; ok && !slices.Contains(l.sizes, len(items)) {
			return fmt.Sprintf("%s: %s.txt has %s, VTAB-1k's has %s", NotOfficial, l.name, report.Count(len(items), "image"), report.Thousands(l.sizes[0]))
		}
	}
	for _, name := range []string{"train800", "val200", joint, "test"} {
		if _, ok := lists[name]; !ok {
			return fmt.Sprintf("%s: there is no %s.txt, and the official lists are told by all of them", Unknown, name)
		}
	}
	if !slices.Equal(sorted(slices.Concat(lists["train800"], lists["val200"])), sorted(lists[joint])) {
		return fmt.Sprintf("%s: %s.txt does not join train800.txt and val200.txt: its labels are others", NotOfficial, joint)
	}
	known := false
	for _, l := range official()[task.Folder] {
		if l.labels == "" {
			continue
		}
		known = true
		if !l.matches(labelsOf(lists[l.name])) {
			return fmt.Sprintf("%s: the labels of %s.txt are not those of VTAB-1k, in none of the orders in which TFDS reads them", NotOfficial, l.name)
		}
	}
	other, hint := pixelsOf(task.Folder, lists["test"])
	switch {
	case task.Folder == drawn:
		return fmt.Sprintf("%s: %s, and a copy without %s does not say which one it is%s", Unknown, drawnDiffer, File, prefixed("; its pixels: ", other+hint))
	case !known:
		return fmt.Sprintf("%s: a copy without %s, with lists of the right sizes; they do not say which images they have, and no official labels are known to compare with%s",
			Unknown, File, prefixed("; its pixels: ", other+hint))
	case other != "":
		return OtherPixels + ": " + other
	}
	return fmt.Sprintf("%s: a copy without %s%s", Unverified, File, prefixed("; ", hint))
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func readList(folder, name string, classes int) (items []data.Item, err error) {
	path := filepath.Join(folder, name+".txt")
	content, err := limit.ReadFile(path, data.MaxListBytes)
	if err != nil {
		return nil, err
	}
	for l := range data.Lines(folder, content, classes) {
		if l.Err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, l.Number, l.Err)
		}
		if !l.Blank {
			items = append(items, l.Item)
		}
	}
	return items, nil
}

func labelsOf(items []data.Item) []int {
	labels := make([]int, len(items))
	for i, item := range items {
		labels[i] = item.Label
	}
	return labels
}

func sorted(items []data.Item) []int {
	labels := labelsOf(items)
	slices.Sort(labels)
	return labels
}
