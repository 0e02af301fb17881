package prepare

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/prepare/order"
)

// originals has, by task and split, what other programs wrote into the archives in testdata.
func originals(t *testing.T, task string) map[string][]expectation {
	t.Helper()
	var all map[string]map[string][]expectation
	expectations(t, "originals.json", &all)
	if all[task] == nil {
		t.Fatalf("originals.json has no %s", task)
	}
	return all[task]
}

// small prepares a small archive, whose splits have other numbers of records than the published ones.
func small(t *testing.T, from, task string, rows map[string][]expectation) Config {
	t.Helper()
	counts := map[string]int{}
	for split, records := range rows {
		counts[split] = len(records)
	}
	sized(t, counts)
	return config(t, from, task)
}

// pick returns the records of a split in the order of their keys.
func pick(t *testing.T, rows map[string][]expectation, split string, key func(i int) string) (picked []expectation) {
	t.Helper()
	for _, i := range order.Sort(len(rows[split]), func(i int) order.Digest { return order.Of(split, key(i)) }) {
		picked = append(picked, rows[split][i])
	}
	return picked
}

// copied copies files of testdata, to change them.
func copied(t *testing.T, folder string) string {
	t.Helper()
	to := t.TempDir()
	expect.NoError(t, os.CopyFS(to, os.DirFS(filepath.Join("testdata", folder))))
	return to
}

// TestPublishedLists compares the slices of data sets whose keys follow from counts with the official lists.
func TestPublishedLists(t *testing.T) {
	row := func(_ string, i int) string { return strconv.Itoa(i) }
	patch := func(split string, i int) string {
		return map[string]string{"train": "train_", "validation": "valid_", "test": "test_"}[split] + strconv.Itoa(i)
	}
	for task, key := range map[string]func(split string, i int) string{"svhn": row, "smallnorb_azi": row, "patch_camelyon": patch} {
		dataset := tasks()[task].dataset
		records := map[string][]record{}
		for split, n := range datasets()[dataset].counts {
			for i := range n {
				records[split] = append(records[split], record{key: key(split, i)})
			}
		}
		compareDigests(t, dataset, task, records)
	}
}

// TestFindFiles checks where the files of a data set may lie, and what is said if some are missing.
func TestFindFiles(t *testing.T) {
	rows := originals(t, "svhn")
	folder := copied(t, "svhn")
	expect.NoError(t, os.WriteFile(filepath.Join(folder, "readme.txt"), []byte("x"), 0o666))
	parent := t.TempDir()
	expect.NoError(t, os.Symlink(folder, filepath.Join(parent, "downloads")))
	for _, from := range []string{folder, parent, filepath.Join(folder, svhnTest)} {
		for _, out := range []string{"svhn", "numbers"} {
			r := prepared(t, small(t, from, out, rows))
			var sources []string
			for _, s := range r.Sources {
				sources = append(sources, filepath.Base(s.Name))
				if s.Bytes == 0 || len(s.SHA256) != 64 {
					t.Errorf("source %+v", s)
				}
			}
			if r.Task != "svhn" || !slices.Equal(sources, []string{svhnTrain, svhnTest}) || !strings.Contains(strings.Join(r.Remarks, " "), "checksum of") {
				t.Errorf("%s: task %s, sources %q, remarks %q", from, r.Task, sources, r.Remarks)
			}
		}
	}
	c := small(t, folder, "kitti", rows)
	c.Task = "kitti"
	refused(t, c)

	both := files{"svhn/" + svhnTrain: string(read(t, filepath.Join(folder, svhnTrain))), "svhn/" + svhnTest: string(read(t, filepath.Join(folder, svhnTest)))}
	packed := both.zip(t, filepath.Join(t.TempDir(), "downloads.zip"))
	for _, out := range []string{"svhn", "numbers"} {
		refused(t, small(t, packed, out, rows), "downloads.zip", "SVHN's cropped digits are not read in an archive: unpack it")
	}

	c = small(t, folder, "svhn", rows)
	c.Link = true
	if err := refused(t, c, "--link"); !wrongUse(err) {
		t.Errorf("%v is not wrong usage", err)
	}
	expect.NoError(t, os.Remove(filepath.Join(folder, svhnTrain)))
	for _, from := range []string{folder, filepath.Join(folder, svhnTest)} {
		for _, out := range []string{"svhn", "numbers"} {
			refused(t, small(t, from, out, rows), "files of SVHN's cropped digits are missing: train_32x32.mat (182040794 bytes)")
		}
	}
	expect.NoError(t, os.Mkdir(filepath.Join(parent, "again"), 0o777))
	expect.NoError(t, os.WriteFile(filepath.Join(parent, "again", svhnTest), []byte("x"), 0o666))
	refused(t, small(t, parent, "svhn", rows), "keep one of them")
}
