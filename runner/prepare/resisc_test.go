package prepare

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/prepare/archive"
)

// resiscNames are the 31,500 images.
func resiscNames() (names []string) {
	for _, class := range resiscClasses {
		for i := range resiscImages {
			names = append(names, fmt.Sprintf("%s/%s_%03d.jpg", class, class, i+1))
		}
	}
	return names
}

// TestRESISC chooses among all names: the lists have the digests of the official ones.
func TestRESISC(t *testing.T) {
	f := &classFolders{archive: &archive.Archive{Path: "NWPU-RESISC45"}, splits: map[string][]member{}}
	var records []record
	for _, name := range resiscNames() {
		f.splits["train"] = append(f.splits["train"], member{name: name})
		records = append(records, record{key: filepath.Dir(name) + "_" + filepath.Base(name)})
	}
	expect.NoError(t, f.label())
	compareDigests(t, "resisc45", "resisc45", map[string][]record{"train": records})

	r := &Record{}
	p, err := f.plan(t.Context(), Config{Out: "resisc45", Train: 800, Val: 200, Test: -1}, r)
	expect.NoError(t, err)
	seen := map[int]bool{}
	for _, at := range append(p[train], p[val]...) {
		seen[f.splits["train"][at.index].label] = true
	}
	first := f.splits["train"][p[train][0].index] // of the digests' list: dense_residential_dense_residential_068.jpg
	if !r.Official || len(seen) != 45 || first.name != "dense_residential/dense_residential_068.jpg" || first.label != 11 || len(p[test]) != 6300 {
		t.Errorf("record %+v, %d classes, the first is %+v", r, len(seen), first)
	}
}

// TestRESISCRefused: a missing or an added image would shift the lists.
func TestRESISCRefused(t *testing.T) {
	refuse := func(names []string, words ...string) {
		t.Helper()
		f := &classFolders{archive: &archive.Archive{Path: "NWPU-RESISC45.zip"}, splits: map[string][]member{}}
		for _, name := range names {
			f.splits["train"] = append(f.splits["train"], member{name: name})
		}
		expect.NoError(t, f.label())
		_, err := f.plan(t.Context(), Config{Task: "resisc45", Train: 800, Val: 200, Test: -1}, &Record{})
		for _, word := range append(words, "NWPU-RESISC45.zip") {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%v, want %q", err, word)
			}
		}
	}
	names := resiscNames()
	refuse(append(append([]string{}, names[:900]...), names[901:]...), "1 of the 31500 images", "airport/airport_201.jpg")
	refuse(append(append([]string{}, names...), "lake/lake_701.jpg"), "no image lake/lake_701.jpg")
	refuse(names[700:], "no class folder airplane")
	folder := filepath.Dir(plant(t, filepath.Join(t.TempDir(), "NWPU-RESISC45.rar"), []byte("Rar!\x1a\x07\x01\x00")))
	refused(t, config(t, folder, "resisc45"), "NWPU-RESISC45.rar", "unpack it")
	refused(t, config(t, filepath.Join(folder, "NWPU-RESISC45.rar"), "resisc45"), "RAR", "unpack it")
}
