package data

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// classFolders makes images of distinct content: as many in each class as sizes says.
func classFolders(sizes map[string]int) map[string]string {
	files := map[string]string{}
	for class, n := range sizes {
		for i := range n {
			files[fmt.Sprintf("%s/%03d.png", class, i)] = fmt.Sprintf("%s %d", class, i)
		}
	}
	return files
}

func divided(t *testing.T, root string, shares Shares) (*Set, *Division) {
	t.Helper()
	s, err := Open(root)
	expect.NoError(t, err)
	d, err := s.Divide(t.Context(), shares)
	expect.NoError(t, err)
	return s, d
}

// counts are the images of each class in the splits train, val and test.
func counts(s *Set) map[string][3]int {
	out := map[string][3]int{}
	for i, split := range []string{Train, Val, Test} {
		for _, item := range s.splits[split] {
			c := out[s.ClassName(item.Label)]
			c[i]++
			out[s.ClassName(item.Label)] = c
		}
	}
	return out
}

// TestDivide: each class gives its share, rounded half up, at least one and never all.
func TestDivide(t *testing.T) {
	root := tree(t, classFolders(map[string]int{"a": 100, "b": 10, "c": 3, "d": 47}))
	for _, c := range []struct {
		val, test float64
		want      map[string][3]int
	}{
		{0.15, 0.15, map[string][3]int{"a": {70, 15, 15}, "b": {6, 2, 2}, "c": {1, 1, 1}, "d": {33, 7, 7}}},
		{0.1, 0, map[string][3]int{"a": {90, 10, 0}, "b": {9, 1, 0}, "c": {2, 1, 0}, "d": {42, 5, 0}}},
		{0, 0.25, map[string][3]int{"a": {75, 0, 25}, "b": {7, 0, 3}, "c": {2, 0, 1}, "d": {35, 0, 12}}},
		{0.45, 0.5, map[string][3]int{"a": {5, 45, 50}, "b": {1, 4, 5}, "c": {1, 1, 1}, "d": {2, 21, 24}}},
	} {
		s, d := divided(t, root, Shares{c.val, c.test, 1})
		if got := counts(s); !maps.Equal(got, c.want) {
			t.Errorf("%v and %v: %v, want %v", c.val, c.test, got, c.want)
		}
		if len(d.Fingerprints) != len(s.Splits())-1 { // trainval is train
			t.Errorf("fingerprints %v", d.Fingerprints)
		}
		if trainval, err := s.Split(TrainVal); err != nil || len(trainval) != len(s.splits[Train]) {
			t.Errorf("trainval has %d images: %v", len(trainval), err)
		}
	}
}

// TestDivideSeed: content and seed alone decide, not names or places, and no image is lost or in two splits.
func TestDivideSeed(t *testing.T) {
	files := classFolders(map[string]int{"a": 40, "b": 40})
	renamed := map[string]string{}
	for name, content := range files {
		renamed[strings.Replace(name, "/", "/x/9", 1)] = content
	}
	contents := func(root string, seed uint64) (all []string, test string) {
		s, _ := divided(t, root, Shares{0.2, 0.2, seed})
		for _, split := range []string{Train, Val, Test} {
			for _, item := range s.splits[split] {
				content, err := os.ReadFile(item.Path)
				expect.NoError(t, err)
				all = append(all, string(content))
			}
		}
		slices.Sort(all)
		var tested []string
		for _, item := range s.splits[Test] {
			content, err := os.ReadFile(item.Path)
			expect.NoError(t, err)
			tested = append(tested, string(content))
		}
		slices.Sort(tested)
		return all, strings.Join(tested, ",")
	}
	root, other := tree(t, files), tree(t, renamed)
	all, test := contents(root, 1)
	if len(all) != 80 || len(slices.Compact(all)) != 80 {
		t.Errorf("%d images, want 80 different ones", len(all))
	}
	if _, again := contents(other, 1); again != test {
		t.Errorf("with other names %s, want %s", again, test)
	}
	if _, another := contents(root, 2); another == test {
		t.Error("another seed gives the same images")
	}
}

// TestDivideCopies: files with the same content are in the same split, whatever their classes.
func TestDivideCopies(t *testing.T) {
	files := classFolders(map[string]int{"a": 20, "b": 20})
	for i := range 10 {
		files[fmt.Sprintf("a/copy%d.png", i)] = fmt.Sprintf("a %d", i)
		files[fmt.Sprintf("b/copy%d.png", i)] = fmt.Sprintf("a %d", i)
	}
	root := tree(t, files)
	for seed := range uint64(5) {
		s, _ := divided(t, root, Shares{0.2, 0.2, seed})
		at := map[string]string{}
		for _, split := range []string{Train, Val, Test} {
			for _, item := range s.splits[split] {
				content, err := os.ReadFile(item.Path)
				expect.NoError(t, err)
				if first, known := at[string(content)]; known && first != split {
					t.Errorf("seed %d: %s is in %s and in %s", seed, content, first, split)
				}
				at[string(content)] = split
			}
		}
		if len(at) != 40 || len(s.splits[Val]) < 5 || len(s.splits[Test]) < 5 {
			t.Errorf("seed %d: %d images, %d and %d set aside", seed, len(at), len(s.splits[Val]), len(s.splits[Test]))
		}
	}
}

// TestDivideImpossible: shares that leave a split or a class without images are refused with the classes' names.
func TestDivideImpossible(t *testing.T) {
	flat := classFolders(map[string]int{"a": 5, "b": 2, "c": 1})
	copied := classFolders(map[string]int{"a": 5})
	for i := range 9 {
		copied[fmt.Sprintf("b/%d.png", i)] = "the same"
	}
	for _, c := range []struct {
		files  map[string]string
		shares Shares
		want   string
	}{
		{flat, Shares{Val: 0.15, Test: 0.15}, "2 of 3 classes have fewer than 3 different images, and each split needs one: b (2), c (1): add images to them or remove them"},
		{flat, Shares{Test: 0.15}, "1 of 3 classes have fewer than 2 different images, and each split needs one: c (1)"},
		{copied, Shares{Val: 0.1}, "1 of 2 classes have fewer than 2 different images, and each split needs one: b (1)"},
		{flat, Shares{Val: 0.5, Test: 0.5}, "--val 0.5 and --test 0.5 leave nothing to train on"},
		{flat, Shares{Val: 1}, "--val 1 is not possible: it must be above 0 and below 1"},
		{flat, Shares{Test: -0.1}, "--test -0.1 is not possible"},
		{map[string]string{"train/a/1.png": "1", "train/b/2.png": "2", "test/a/3.png": "3"}, Shares{Test: 0.1}, "has a split test already: leave the flag out"},
		{map[string]string{"train800.txt": "1.png 0\n", "train800val200.txt": "1.png 0\n2.png 1\n", "1.png": "1", "2.png": "2"}, Shares{Test: 0.1}, "has other splits (train, trainval)"},
	} {
		s, err := Open(tree(t, c.files))
		expect.NoError(t, err)
		var impossible *DivisionError
		if _, err := s.Divide(t.Context(), c.shares); !errors.As(err, &impossible) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.shares, err, c.want)
		}
	}
	// A split that exists stays as it is.
	s, _ := divided(t, tree(t, map[string]string{"train/a/1.png": "1", "train/a/2.png": "2", "train/b/3.png": "3", "train/b/4.png": "4", "test/a/5.png": "5"}), Shares{Val: 0.5})
	if got := counts(s); !maps.Equal(got, map[string][3]int{"a": {1, 1, 1}, "b": {1, 1, 0}}) {
		t.Errorf("with a test split of its own: %v", got)
	}
}

// TestListing: the lists of a run give its images back, also of a copy of the data set with more images, and a data set with other
// content is refused.
func TestListing(t *testing.T) {
	files := classFolders(map[string]int{"a|b": 10, " c ": 10})
	files["a|b/odd\xff, name.png"] = "odd"
	root := tree(t, files)
	s, d := divided(t, root, Shares{0.2, 0.2, 3})
	file := filepath.Join(t.TempDir(), "split.csv")
	var b bytes.Buffer
	expect.NoError(t, s.WriteDivision(&b, d))
	expect.NoError(t, os.WriteFile(file, b.Bytes(), 0o666))
	listing, err := ReadListing(file, false)
	expect.NoError(t, err)
	files["a|b/new.png"], files["new/1.png"] = "new", "another"
	for _, place := range []string{root, tree(t, files)} {
		other, err := Open(place)
		expect.NoError(t, err)
		for split, sum := range d.Fingerprints {
			items, err := listing.Take(t.Context(), other, split, sum)
			if err != nil || !slices.Equal(names(items), names(s.splits[split])) {
				t.Errorf("%s of %s: %v, %v", split, place, names(items), err)
			}
		}
	}
	first := s.splits[Test][0].Name
	for name, c := range map[string]struct {
		change func(map[string]string)
		want   string
	}{
		"changed": {func(m map[string]string) { m[first] = "changed" }, "that split.csv lists for test have changed since the run"},
		"gone":    {func(m map[string]string) { delete(m, first) }, first + " is not in "},
	} {
		changed := maps.Clone(files)
		c.change(changed)
		other, err := Open(tree(t, changed))
		expect.NoError(t, err)
		if _, err := listing.Take(t.Context(), other, Test, d.Fingerprints[Test]); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	other, err := Open(tree(t, classFolders(map[string]int{"x": 3, "y": 3})))
	expect.NoError(t, err)
	if _, err := listing.Take(t.Context(), other, Test, d.Fingerprints[Test]); !errors.Is(err, ErrOtherData) {
		t.Errorf("another data set: %v", err)
	}
	// A list that names an image twice: it is in its split twice, and found again.
	repeated := tree(t, map[string]string{"train.txt": "1 0\n2 0\n1 0\n3 1\n4 1\n4 1\n5 1\n", "1": "1", "2": "2", "3": "3", "4": "4", "5": "5"})
	s, d = divided(t, repeated, Shares{Test: 0.4})
	b.Reset()
	expect.NoError(t, s.WriteDivision(&b, d))
	expect.NoError(t, os.WriteFile(file, b.Bytes(), 0o666))
	listing, err = ReadListing(file, false)
	expect.NoError(t, err)
	other, err = Open(repeated)
	expect.NoError(t, err)
	for split, sum := range d.Fingerprints {
		if items, err := listing.Take(t.Context(), other, split, sum); err != nil || len(items) != d.Images[split] {
			t.Errorf("repeated lines, %s: %v, %v", split, names(items), err)
		}
	}
	if d.Images[Train]+d.Images[Test] != 7 {
		t.Errorf("of 7 lines there are %v", d.Images)
	}
	// Another class of the same image: the data set has been relabelled.
	relabelled := tree(t, map[string]string{"l.csv": "path,label\n" + "a/1.png,x\nb/2.png,y\n", "a/1.png": "1", "b/2.png": "2", "split.csv": "path,label,split\na/1.png,y,test\n"})
	other, err = Open(filepath.Join(relabelled, "l.csv"))
	expect.NoError(t, err)
	listing, err = ReadListing(filepath.Join(relabelled, "split.csv"), false)
	expect.NoError(t, err)
	if _, err := listing.Take(t.Context(), other, Test, ""); err == nil || !strings.Contains(err.Error(), "a/1.png has the class y there and x in ") {
		t.Errorf("relabelled: %v", err)
	}
}
