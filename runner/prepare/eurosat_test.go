package prepare

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/data"
	"dtl-tf/runner/prepare/order"
)

// TestEuroSAT draws from class folders of the real images, which are too few to be official. Every class gets its share, and
// training accepts the data set.
func TestEuroSAT(t *testing.T) {
	root := need.Shared(t, "vtab-1k", "eurosat")
	set, err := data.Open(root)
	expect.NoError(t, err)
	names := []string{"AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop", "Residential", "River", "SeaLake"}
	folders := t.TempDir()
	counts, n := make([]int, 10), 0
	for _, split := range []string{data.TrainVal, data.Test} {
		list, err := set.Split(split)
		expect.NoError(t, err)
		for _, item := range list {
			counts[item.Label]++
			n++
			class := names[item.Label]
			expect.NoError(t, os.MkdirAll(filepath.Join(folders, class), 0o777))
			path, err := filepath.Abs(item.Path)
			expect.NoError(t, err)
			expect.NoError(t, os.Symlink(path, filepath.Join(folders, class, fmt.Sprintf("%s_%d.jpg", class, counts[item.Label]))))
		}
	}
	c := Config{From: folders, Out: filepath.Join(t.TempDir(), "eurosat"), Train: 800, Val: 200, Test: 600, Seed: 42}
	tests := 600
	if need.AllowsHeavy() {
		c.Test, tests = -1, n-1000
	}
	r := prepared(t, c)
	if r.Counts["train800"] != 800 || r.Counts["val200"] != 200 || r.Counts["test"] != tests || r.Official || *r.Options.Seed != 42 {
		t.Errorf("record %+v", r)
	}
	for list, inList := range r.ClassCounts {
		for label, k := range inList {
			share := float64(counts[label]) * float64(r.Counts[list]) / float64(n)
			// The first 600 test images are taken whatever their class: a bit more than three standard deviations.
			slack := 2.0
			if list == "test" && tests == 600 {
				slack = 30
			}
			if k == 0 || math.Abs(float64(k)-share) > slack {
				t.Errorf("%s: %d of class %s, its share is %.1f", list, k, names[label], share)
			}
		}
	}
	if made := items(t, c.Out, "test"); len(made) != tests {
		t.Errorf("%d test images", len(made))
	}
}

// TestEuroSATOrder compares the lists from complete class folders with the labels of the widely used copy.
func TestEuroSATOrder(t *testing.T) {
	set, err := data.Open(need.Shared(t, "vtab-1k", "eurosat"))
	expect.NoError(t, err)
	f := &classFolders{splits: map[string][]member{}}
	for class, n := range map[string]int{"AnnualCrop": 3000, "Forest": 3000, "HerbaceousVegetation": 3000, "Residential": 3000,
		"SeaLake": 3000, "Highway": 2500, "Industrial": 2500, "PermanentCrop": 2500, "River": 2500, "Pasture": 2000} {
		for i := range n {
			f.splits["train"] = append(f.splits["train"], member{name: fmt.Sprintf("%s/%s_%d.jpg", class, class, i+1)})
		}
	}
	expect.NoError(t, f.label())
	r := &Record{}
	p, err := f.plan(t.Context(), Config{Out: "eurosat", Train: 800, Val: 200, Test: -1, Seed: 42}, r)
	expect.NoError(t, err)
	if !r.Official || r.Options.Seed != nil {
		t.Errorf("record %+v", r)
	}
	for list, split := range map[int]string{train: data.Train, val: data.Val, test: data.Test} {
		want, err := set.Split(split)
		expect.NoError(t, err)
		if len(p[list]) < len(want) {
			t.Fatalf("%s has %d images, the copy %d", split, len(p[list]), len(want))
		}
		for i, item := range want { // the copy may have only the first test images
			if m := f.splits["train"][p[list][i].index]; m.label != item.Label {
				t.Fatalf("%s, image %d: %s has label %d, the copy's is %d", split, i, m.name, m.label, item.Label)
			}
		}
	}
	if digest := order.Of("train", "Forest_Forest_687.jpg"); f.splits["train"][p[train][0].index].name != "Forest/Forest_687.jpg" {
		t.Errorf("the first image is not that with %x", digest)
	}
}
