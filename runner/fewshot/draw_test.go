package fewshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// photos makes class folders with numbers of images.
func photos(t *testing.T, classes map[string]int) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "my photos")
	for class, n := range classes {
		for i := range n {
			put(t, filepath.Join(root, class, fmt.Sprintf("no %02d.jpg", i)), class)
		}
	}
	return root
}

// namesIn returns the names of a list by label.
func namesIn(t *testing.T, s source, list string) map[int][]string {
	t.Helper()
	b, err := os.ReadFile(s.path(list))
	expect.NoError(t, err)
	names := map[int][]string{}
	for l := range data.Lines(s.images, b, s.Classes) {
		expect.NoError(t, l.Err)
		names[l.Item.Label] = append(names[l.Item.Label], l.Item.Name)
	}
	return names
}

// TestDraw: 50, 20 and 30 percent of each class, as CoOp's authors split, more for training if the shots need it; no image is on both
// sides, and fewer shots are a part of more.
func TestDraw(t *testing.T) {
	root := photos(t, map[string]int{"amber": 20, "basil leaf": 11, "cobalt": 6})
	out := filepath.Join(t.TempDir(), "results")
	sweep := func(c *Config) { c.Out, c.Shots, c.Seeds = out, "1,2,4", "0,1" }
	_, list, notes, err := opened(t, root, sweep)
	expect.NoError(t, err)
	s := list[0]
	if s.Folder != "my photos" || !slices.Equal(s.names, []string{"amber", "basil leaf", "cobalt"}) || s.lists != filepath.Join(out, "few-shot_split", "my photos", "annotations") {
		t.Fatalf("%+v", s)
	}
	if !strings.Contains(notes, "of 37 images 7 for validation, 10 for test") {
		t.Errorf("notes: %s", notes)
	}
	val, test := namesIn(t, s, valList), namesIn(t, s, testList)
	for label, want := range [][2]int{{4, 6}, {2, 3}, {1, 1}} { // of 20: 10, 4, 6; of 11: 6, 2, 3; of 6: 4 for the shots, 1, 1
		if got := [2]int{len(val[label]), len(test[label])}; got != want {
			t.Errorf("class %d: %v for validation and test, want %v", label, got, want)
		}
	}
	for _, seed := range []uint64{0, 1} {
		var before map[int][]string
		for _, shots := range []int{1, 2, 4} {
			names := namesIn(t, s, trainList(shots, seed))
			for label := range 3 {
				mine := names[label]
				if len(mine) != shots || before != nil && !slices.Equal(mine[:len(before[label])], before[label]) {
					t.Errorf("%d shots of class %d: %v, fewer are %v", shots, label, mine, before[label])
				}
				for _, name := range mine {
					if slices.Contains(val[label], name) || slices.Contains(test[label], name) || !strings.HasPrefix(name, s.names[label]+"/no ") {
						t.Errorf("%s is not for training", name)
					}
				}
			}
			before = names
		}
	}
	if a, b := namesIn(t, s, trainList(4, 0)), namesIn(t, s, trainList(4, 1)); fmt.Sprint(a) == fmt.Sprint(b) {
		t.Error("two splits have the same images")
	}

	// The same folder of results, later: other shots and splits are drawn from the same rest.
	valText := fmt.Sprint(val)
	_, list, _, err = opened(t, root, func(c *Config) { c.Out, c.Shots, c.Seeds, c.Seed = out, "3", "5", 7 })
	expect.NoError(t, err)
	for label, names := range namesIn(t, list[0], trainList(3, 5)) {
		for _, name := range names {
			if slices.Contains(val[label], name) || slices.Contains(test[label], name) {
				t.Errorf("%s is for validation or test", name)
			}
		}
	}
	if fmt.Sprint(namesIn(t, list[0], valList)) != valText {
		t.Error("the validation images have changed")
	}
	// Another folder of results and the same seed: the same lists. Another seed: others.
	_, list, _, err = opened(t, root, func(c *Config) { c.Shots, c.Seeds = "1,2,4", "0,1" })
	expect.NoError(t, err)
	if fmt.Sprint(namesIn(t, list[0], valList)) != valText {
		t.Error("the same seed draws other images")
	}
	_, list, _, err = opened(t, root, func(c *Config) { c.Shots, c.Seed = "4", 43 })
	expect.NoError(t, err)
	if fmt.Sprint(namesIn(t, list[0], valList)) == valText {
		t.Error("another seed draws the same images")
	}
	// Another run reads the lists.
	_, list, _, err = opened(t, root, func(c *Config) { c.Splits, c.Shots = filepath.Join(out, splitFolder), "2" })
	if err != nil || list[0].images != root || !slices.Equal(list[0].names, s.names) || fmt.Sprint(namesIn(t, list[0], valList)) != valText {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestBadDraw: what can't be drawn is an error that says what is possible, and nothing is written.
func TestBadDraw(t *testing.T) {
	root := photos(t, map[string]int{"amber": 20, "basil": 9})
	usage := func(words, root string, change func(*Config)) {
		t.Helper()
		p, _, _, err := opened(t, root, change)
		var wrong *runner.UsageError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
		if p != nil {
			if _, err := os.Stat(p.Out); err == nil {
				t.Error("something is written")
			}
		}
	}
	usage("--shots 8 is too many: class basil has 9 images, and 8 shots need 10, one for validation and one for test among them; 7 are possible", root, func(c *Config) { c.Shots = "1,8" })
	usage("where it would be a class", root, func(c *Config) { c.Out = filepath.Join(root, "results") })
	usage("--sets pets: ", root, func(c *Config) { c.Sets = "pets" })
	split := filepath.Join(t.TempDir(), "split")
	for _, name := range []string{"train/a/1.jpg", "train/b/2.jpg", "test/a/3.jpg", "test/b/4.jpg"} {
		put(t, filepath.Join(split, name), name)
	}
	usage("has splits already", split, nil)

	out := filepath.Join(t.TempDir(), "results")
	_, _, _, err := opened(t, root, func(c *Config) { c.Out, c.Shots = out, "2" })
	expect.NoError(t, err)
	_, _, _, err = opened(t, root, func(c *Config) { c.Out, c.Shots = out, "7" })
	if err == nil || !strings.Contains(err.Error(), "--shots 7 is too many: class basil has 5 images to draw from") {
		t.Errorf("more shots than the drawing left: %v", err)
	}
	put(t, filepath.Join(root, "amber", "late.jpg"), "late")
	_, _, _, err = opened(t, root, func(c *Config) { c.Out, c.Shots = out, "2" })
	if err == nil || !strings.Contains(err.Error(), "the lists were drawn from other images (29 then, 30 now)") {
		t.Errorf("other images: %v", err)
	}
	put(t, filepath.Join(root, "amber", " blank.jpg"), "blank")
	_, _, _, err = opened(t, root, nil)
	expect.NoError(t, err) // a blank within the name, after the folder
	put(t, filepath.Join(root, " zinc", "1.jpg"), "zinc")
	if _, _, _, err = opened(t, root, nil); err == nil || !strings.Contains(err.Error(), "can't be in a list") {
		t.Errorf("a name that begins with a blank: %v", err)
	}
	if _, _, _, err = opened(t, t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "few-shot_split") {
		t.Errorf("an empty folder: %v", err)
	}
}
