package prepare

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"dtl-tf/graph/expect"
)

// TestSVHN compares pixels and labels with what scipy wrote.
func TestSVHN(t *testing.T) {
	rows := originals(t, "svhn")
	train, test := pick(t, rows, "train", strconv.Itoa), pick(t, rows, "test", strconv.Itoa)
	c := small(t, filepath.Join("testdata", "svhn"), "svhn", rows)
	r := prepared(t, c)
	check(t, c.Out, "train800", train[:10], sumPixels)
	check(t, c.Out, "val200", train[36:39], sumPixels) // 90 percent of 40
	check(t, c.Out, "test", test, sumPixels)
	if r.Official || r.Classes != 10 || r.ClassNames[9] != "9" {
		t.Errorf("official %v, classes %q", r.Official, r.ClassNames)
	}
}

func TestSVHNRefused(t *testing.T) {
	rows := originals(t, "svhn")
	folder := copied(t, "svhn")
	file := filepath.Join(folder, svhnTrain)
	content, err := os.ReadFile(file)
	expect.NoError(t, err)
	other, err := os.ReadFile(filepath.Join(folder, svhnTest))
	expect.NoError(t, err)
	hdf5, err := os.ReadFile(filepath.Join("matlab", "testdata", "testhdf5_7.4_GLNX86.mat"))
	expect.NoError(t, err)
	numbers, err := os.ReadFile(filepath.Join("matlab", "testdata", "numbers.mat"))
	expect.NoError(t, err)
	for _, c := range []struct {
		content []byte
		words   []string
	}{
		{other, []string{svhnTrain, "12 records", "the split test, not of train", "renamed"}},
		{hdf5, []string{svhnTrain, "MATLAB 7.3"}},
		{numbers, []string{svhnTrain, "lacks the variable X or y"}},
		{content[:len(content)-100], []string{svhnTrain, "cut off"}},
		{[]byte("<html>not found</html>"), []string{svhnTrain, "no MATLAB file"}},
	} {
		expect.NoError(t, os.WriteFile(file, c.content, 0o666))
		refused(t, small(t, folder, "svhn", rows), c.words...)
	}
	expect.NoError(t, os.WriteFile(file, content, 0o666))
	sized(t, datasets()["svhn_cropped"].counts)
	refused(t, config(t, folder, "svhn"), "40 records, the split train of SVHN's cropped digits has 73257")
}
