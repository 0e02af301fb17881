package data

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// part opens a split, which may be missing.
func part(t *testing.T, s *Set, split string) Part {
	t.Helper()
	p := Part{Name: split}
	if slices.Contains(s.Splits(), split) {
		var err error
		if p.Items, err = s.Split(split); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.Sums, err = Sums(t.Context(), p.Items); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestNotes: one line for each thing that is odd, with counts and names, and none for a data set without fault.
func TestNotes(t *testing.T) {
	images := func(lists map[string]string, same ...string) map[string]string {
		files := map[string]string{}
		for name, content := range lists {
			for line := range strings.FieldsFuncSeq(content, func(r rune) bool { return r == '\n' }) {
				image, _, _ := strings.Cut(line, " ")
				files[image] = image
			}
			files[name] = content
		}
		for _, name := range same {
			files[name] = "same"
		}
		return files
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"right", images(map[string]string{"train.txt": "a 0\nb 1", "test.txt": "c 0\nd 1"}), nil},
		{"no test", images(map[string]string{"train.txt": "a 0\nb 1"}), nil},
		{"only test", images(map[string]string{"train.txt": "a 0\nb 1", "test.txt": "c 0\nd 1\ne 2\nf 3\ng 2"}),
			[]string{"2 of 4 classes (2, 3) have images in test but none in trainval: what is never seen can't be learned"}},
		{"labels from 1", images(map[string]string{"train.txt": "a 1\nb 2", "test.txt": "c 1\nd 2"}),
			[]string{"no image has the label 0: if the labels of these lists count from 1, subtract 1 from each; as they are, the classifier gets a class that never occurs"}},
		{"a gap", images(map[string]string{"train.txt": "a 0\nb 9", "test.txt": "c 0"}),
			[]string{"8 of 10 classes (1, 2, 3, 4, 5 and 3 more) have no image in trainval and test", "1 of 10 classes (9) have no image in test: they are not tested"}},
		{"an empty class folder", map[string]string{"train/a/1.png": "1", "train/b/2.png": "2", "test/a/3.png": "3", "test/b/notes": ""},
			[]string{"1 of 2 classes (b) have no image in test: they are not tested"}},
		{"shared", images(map[string]string{"train.txt": "a 0\nb 1\nx 0", "test.txt": "c 0\nd 1\na 0"}, "x", "c"),
			[]string{"2 of 3 images of test are also in the training data, as files with the same content: c = x, a"}},
		{"many", images(map[string]string{"train.txt": "a 0\nb 1\nc 0", "test.txt": "a 0\nb 1\nc 0"}),
			[]string{"3 of 3 images of test are also in the training data, as files with the same content: a, b and 1 more"}},
		{"two labels", images(map[string]string{"train.txt": "a 0\nb 1\nx 0\ny 1\nz 1"}, "x", "y", "z"),
			[]string{"files with the same content have different labels: x (0) = y (1)"}},
		{"alike", map[string]string{"train/Cat/1.png": "1", "train/cat/2.png": "2", "train/e\u0301/3.png": "3", "train/\u00e9/4.png": "4"},
			[]string{`the class folders "Cat" and "cat" differ only in case or in how letters are composed: they are taken as two classes`,
				`the class folders "e\u0301" and "\u00e9" differ only in case or in how letters are composed: they are taken as two classes`}},
	} {
		s, err := Open(tree(t, c.files))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Findings(part(t, s, TrainVal), part(t, s, Test)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

// TestUnseenNote: of 9 images in order, 3 a class, batches of 6 leave out the last class; with another order each epoch all
// have their turn.
func TestUnseenNote(t *testing.T) {
	var items []Item
	for i := range 9 {
		items = append(items, Item{Path: fmt.Sprint(i), Label: i / 3})
	}
	s := &Set{Classes: 3}
	for _, c := range []struct {
		batch   int
		shuffle bool
		want    string
	}{
		{6, false, "no training step gets an image of 1 of 3 classes (2): each epoch drops images that do not fill a batch, use a smaller --batch or leave out --shuffle=false"},
		{3, false, ""}, {4, false, ""}, {6, true, ""},
	} {
		l, err := NewLoader(items, Images{Size: 1}, LoaderOptions{Batch: c.batch, Shuffle: c.shuffle, DropLast: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.UnseenNote(l, 20); got != c.want {
			t.Errorf("batch %d, shuffle %v: %q, want %q", c.batch, c.shuffle, got, c.want)
		}
		l.Close()
	}
}
