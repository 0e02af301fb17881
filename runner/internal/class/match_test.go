package class

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// TestRelabelSets: sets of labels become those of the classifier in its order, and only classes that have images must be known to it.
func TestRelabelSets(t *testing.T) {
	m := Find(List{"the data set D", 3, []string{"a", "b", "z"}}, List{"H", 3, []string{"b", "a", "c"}})
	sets := [][]int{{0, 1}, {}, {1}, {2}}
	got, err := m.RelabelSets([]data.Item{{Label: 0}, {Label: 1}, {Label: 2}}, sets)
	if want := "[[0 1] [] [0] []]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
	if note := m.SubsetNoteSets([]data.Item{{Label: 0}}, got); !strings.Contains(note, "2 of the classifier's 3 classes (none of c)") {
		t.Error(note)
	}
	if _, err := m.RelabelSets([]data.Item{{Label: 0}, {Label: 3}}, sets); err == nil || !strings.Contains(err.Error(), "z (1 of 2 images") {
		t.Errorf("%v", err)
	}
}

// TestMatchClasses: names decide where both sides have some, the numbers of lists else. names of "" are numbers only.
func TestMatchClasses(t *testing.T) {
	list := func(owner string, count int, names string) List {
		if names == "" {
			return List{owner, count, nil}
		}
		return List{owner, count, strings.Fields(names)}
	}
	for _, c := range []struct {
		set, head   string
		setN, headN int
		want        string
		note        string
		refused     string // of an image of each class
		startsFrom  string // see StartNote
		absent      string // see SubsetNote
	}{
		{set: "a b c", head: "a b c", want: "[0 1 2]"},
		{set: "a b c", head: "c a b", want: "[1 2 0]"},
		{set: "b c", head: "a b c", want: "[1 2]", absent: "2 of the classifier's 3 classes (none of a)", startsFrom: "2 of 2 classes of the head start from H; left out: a"},
		{set: "b c z", head: "a b c", want: "[1 2 -1]", refused: "z (1 of 3 images); rename or remove these class folders (it knows a, b, c)", startsFrom: "2 of 3 classes of the head start from H; fresh: z; left out: a"},
		{set: "Damson apple", head: "apple damson", want: "[-1 0]", refused: `Damson (1 of 2 images; did you mean "damson", which differs in case or`, startsFrom: `fresh: Damson - did you mean "damson", which`},
		{set: "cafe\u0301", head: "caf\u00e9", want: "[-1]", refused: `did you mean "caf\u00e9", which`, startsFrom: `did you mean "caf\u00e9", which differs in case or in how its letters are composed?; left out`},
		{set: "\ufffd b", head: "\ufffd \ufffd b", want: "[-1 2]", refused: "\ufffd (1 of 2 images)", startsFrom: "fresh: \ufffd"}, // as old versions wrote \xfe and \xff
		{setN: 3, headN: 3, want: "[0 1 2]"},
		{setN: 2, headN: 3, want: "[0 1]", absent: "2 of the classifier's 3 classes (none of 2)", startsFrom: "left out: 2"},
		{setN: 4, headN: 3, want: "[0 1 2 -1]", refused: "D has 4 classes, the classifier has 3", startsFrom: "3 of 4 classes of the head start from H; fresh: 3"},
		{setN: 3, head: "a b c", want: "[0 1 2]", note: "D has no class names: labels are matched by number with H (0 is a, 1 is b, 2 is c)"},
		{set: "a b c", headN: 3, want: "[0 1 2]", note: "H has no class names: labels are matched by number with D (0 is a, 1 is b, 2 is c)"},
		{set: "a b", headN: 3, want: "[-1 -1]", refused: "D names its 2 classes, H has 3 without names", startsFrom: "0 of 2 classes of the head start from H, which has no class names; fresh: a, b; left out: 0, 1, 2"},
		{set: "0 1 10 11 2", headN: 12, want: "[0 1 10 11 2]", note: "H has no class names: its labels are taken for the numbers that D has as names", absent: "5 of the classifier's 12", startsFrom: "left out: 3, 4, 5, 6, 7 and 2 more"},
		{setN: 11, head: "0 1 10 2 3 4 5 6 7 8 9", want: "[0 1 3 4 5 6 7 8 9 10 2]", note: "D has no class names: its labels are taken for the numbers that H has as names"},
		{setN: 2, head: "7 8", want: "[0 1]", note: "(0 is 7, 1 is 8)"},
	} {
		m := Find(list("D", max(c.setN, len(strings.Fields(c.set))), c.set), list("H", max(c.headN, len(strings.Fields(c.head))), c.head))
		what := fmt.Sprintf("%q (%d) in %q (%d)", c.set, c.setN, c.head, c.headN)
		if got := fmt.Sprint(m.To); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
			continue
		}
		items := make([]data.Item, len(m.To))
		for i := range items {
			items[i].Label = i
		}
		err := m.Relabel(items)
		var usage *runner.UsageError
		if c.refused != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), c.refused)) || c.refused == "" && err != nil {
			t.Errorf("%s: error %v, want %q", what, err, c.refused)
		}
		if err == nil {
			for i, item := range items {
				if item.Label != m.To[i] {
					t.Errorf("%s: image of class %d has the label %d", what, i, item.Label)
				}
			}
			if got := m.SubsetNote(items); !strings.Contains(got, c.absent) || c.absent == "" && got != "" {
				t.Errorf("%s: %q, want %q", what, got, c.absent)
			}
		}
		if got := m.Note(); err == nil && (!strings.Contains(got, c.note) || c.note == "" && got != "") {
			t.Errorf("%s: %q, want %q", what, got, c.note)
		}
		if got := m.StartNote(); !strings.Contains(got, c.startsFrom) || c.startsFrom == "" && got != "" {
			t.Errorf("%s: %q, want %q", what, got, c.startsFrom)
		}
	}
}

// TestMatchUsed: only classes that have images must be known.
func TestMatchUsed(t *testing.T) {
	m := Find(List{"D", 3, []string{"a", "b", "z"}}, List{"H", 2, []string{"b", "a"}})
	items := []data.Item{{Label: 1}, {Label: 0}}
	if err := m.Relabel(items); err != nil || items[0].Label != 0 || items[1].Label != 1 {
		t.Errorf("%v, %v", items, err)
	}
}
