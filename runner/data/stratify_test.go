package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// severalTable is a table of n images with labels of the classes a to e, of which e is rare, and some without a label.
func severalTable(t *testing.T, n int) string {
	t.Helper()
	files := map[string]string{}
	table := "path,label\n"
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		var labels []string
		for class, share := range []float64{0.5, 0.3, 0.2, 0.1} {
			if r.Float64() < share {
				labels = append(labels, string(rune('a'+class)))
			}
		}
		if i == 3 || i == 40 || i == 41 {
			labels = append(labels, "e")
		}
		name := fmt.Sprintf("%03d.png", i)
		files[name] = fmt.Sprint("content ", i-i%50/49) // number 49 of each 50 is a copy of the one before
		table += name + "," + strings.Join(labels, "|") + "\n"
	}
	files["table.csv"] = table
	return filepath.Join(tree(t, files), "table.csv")
}

// TestDivideSeveral: each split has its share of the images and of each class, also of those without a label, and one of the rarest
// class; copies stay together; the list of the splits gives the same images again.
func TestDivideSeveral(t *testing.T) {
	file := severalTable(t, 300)
	set, err := OpenSeveral(file)
	expect.NoError(t, err)
	all, err := set.Split(Train)
	expect.NoError(t, err)
	d, err := set.Divide(t.Context(), Shares{Val: 0.1, Test: 0.2, Seed: 7})
	expect.NoError(t, err)
	counts := func(items []Item) map[string]int {
		m := map[string]int{"images": len(items)}
		for _, item := range items {
			for _, class := range set.LabelSets[item.Label] {
				m[set.ClassName(class)]++
			}
			if len(set.LabelSets[item.Label]) == 0 {
				m["none"]++
			}
		}
		return m
	}
	whole := counts(all)
	names := map[string]bool{}
	for split, share := range map[string]float64{Train: 0.7, Val: 0.1, Test: 0.2} {
		items, err := set.Split(split)
		expect.NoError(t, err)
		part := counts(items)
		for what, n := range whole {
			tolerance := 2.0
			if what == "images" {
				tolerance = 4
			}
			if math.Abs(float64(part[what])-share*float64(n)) > tolerance || part[what] == 0 {
				t.Errorf("%s has %d of %d %s, want a share of %v", split, part[what], n, what, share)
			}
		}
		for _, item := range items {
			names[item.Name] = true
		}
		for i := 48; i < 300; i += 50 { // a copy and the image before it
			in := func(i int) bool {
				return slices.ContainsFunc(items, func(item Item) bool { return item.Name == fmt.Sprintf("%03d.png", i) })
			}
			if in(i) != in(i+1) {
				t.Errorf("image %d and its copy are in two splits", i)
			}
		}
	}
	if len(names) != len(all) {
		t.Errorf("%d different images, want %d", len(names), len(all))
	}
	list := filepath.Join(t.TempDir(), "split.csv")
	f, err := os.Create(list)
	expect.NoError(t, err)
	expect.NoError(t, set.WriteDivision(f, d))
	expect.NoError(t, f.Close())
	listing, err := ReadListing(list, true)
	expect.NoError(t, err)
	again, err := OpenSeveral(file)
	expect.NoError(t, err)
	got, err := listing.Take(t.Context(), again, Test, d.Fingerprints[Test])
	expect.NoError(t, err)
	if want, _ := set.Split(Test); !slices.EqualFunc(got, want, func(a, b Item) bool { return a.Name == b.Name }) {
		t.Error("the list gives other images")
	}
	if _, err := again.Divide(t.Context(), Shares{Val: 0.1, Test: 0.2, Seed: 8}); err != nil {
		t.Error(err)
	}
	if other, _ := again.Split(Test); slices.EqualFunc(got, other, func(a, b Item) bool { return a.Name == b.Name }) {
		t.Error("another seed gives the same images")
	}
	again.ClassNames[0] = "a|b"
	again.splits = map[string][]Item{Train: all, TrainVal: all}
	_, err = again.Divide(t.Context(), Shares{Test: 0.2})
	expect.Error(t, err, "which separates labels in the list of the splits")
	_, err = again.Divide(t.Context(), Shares{Val: 0.2, Test: 0.9})
	expect.Error(t, err, "leave nothing to train on")
	few, err := OpenSeveral(severalTable(t, 42))
	expect.NoError(t, err)
	few.splits = map[string][]Item{Train: all[:2], TrainVal: all[:2]}
	_, err = few.Divide(t.Context(), Shares{Val: 0.2, Test: 0.2})
	expect.Error(t, err, "2 different images are too few for the splits train, val, test")
}

// TestHoldoutSeveral: the held part has its share of each class, the order is kept, and the seed decides.
func TestHoldoutSeveral(t *testing.T) {
	set, err := OpenSeveral(severalTable(t, 300))
	expect.NoError(t, err)
	all, err := set.Split(Train)
	expect.NoError(t, err)
	train, held, err := set.HoldoutSeveral(all, 0.25, 3)
	expect.NoError(t, err)
	if len(train)+len(held) != 300 || math.Abs(float64(len(held))-75) > 4 || !slices.IsSortedFunc(held, func(a, b Item) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d and %d images", len(train), len(held))
	}
	share := func(items []Item, class int) (n float64) {
		for _, item := range items {
			if slices.Contains(set.LabelSets[item.Label], class) {
				n++
			}
		}
		return n
	}
	for class := range set.Classes {
		if got, want := share(held, class), 0.25*share(all, class); math.Abs(got-want) > 2 {
			t.Errorf("class %d: %v held, want about %v", class, got, want)
		}
	}
	_, same, err := set.HoldoutSeveral(all, 0.25, 3)
	expect.NoError(t, err)
	_, other, err := set.HoldoutSeveral(all, 0.25, 4)
	expect.NoError(t, err)
	if !slices.Equal(same, held) || slices.Equal(other, held) {
		t.Error("the seed does not decide")
	}
	_, _, err = set.HoldoutSeveral(all[:1], 0.25, 3)
	expect.Error(t, err, "leaves one part empty")
}
