package prepare

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
)

// realFlowers is a folder with the published label and split files and the images at 64 x 64.
func realFlowers(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"imagelabels.mat", "setid.mat"} {
		expect.NoError(t, os.WriteFile(filepath.Join(root, name), read(t, need.Shared(t, "archives", "flowers102", name)), 0o666))
	}
	images, err := filepath.Abs(need.Shared(t, "few-shot", "oxford-flowers102"))
	expect.NoError(t, err)
	expect.NoError(t, os.Symlink(images, filepath.Join(root, "jpg")))
	return root
}

// TestFlowersWhole prepares all 8,189 images by the published lists and compares with the digests of the official lists.
func TestFlowersWhole(t *testing.T) {
	root := realFlowers(t)
	c := Config{From: root, Out: filepath.Join(t.TempDir(), "oxford_flowers102"), Train: 800, Val: 200, Test: -1}
	r := prepared(t, c)
	if !r.Official || r.Task != "oxford_flowers102" || r.Counts["test"] != 6149 || r.Counts["train800val200"] != 1000 {
		t.Errorf("official %v, task %s, %v, %q", r.Official, r.Task, r.Counts, r.Remarks)
	}
	v := vectors(t, "oxford_flowers102")
	names := map[string][]string{}
	for line := range strings.Lines(string(read(t, filepath.Join(c.Out, sourcesFile)))) {
		file, source, _ := strings.Cut(strings.TrimSpace(line), "\t")
		list := filepath.Base(filepath.Dir(file))
		names[list] = append(names[list], filepath.Base(source))
		if len(names[list])%20 != 0 { // all take seconds
			continue
		}
		if a, b := read(t, filepath.Join(c.Out, file)), read(t, filepath.Join(root, source)); string(a) != string(b) {
			t.Fatalf("%s differs from %s", file, source)
		}
	}
	for _, list := range listNames {
		var want struct {
			Count  int
			First  []string
			SHA256 string
		}
		expect.NoError(t, json.Unmarshal(v[list], &want))
		if got := names[list]; len(got) != want.Count || got[0] != want.First[0] || sumOf([]byte(strings.Join(got, "\n")+"\n")) != want.SHA256 {
			t.Errorf("%s: %d images from %s, want %d from %s", list, len(got), got[0], want.Count, want.First[0])
		}
	}
	present := 0
	for label := range r.Classes {
		if n := r.ClassCounts["train800"][label] + r.ClassCounts["val200"][label]; n > 0 {
			present++
		}
		if n := r.ClassCounts["train800"][label]; n > 10 { // the training set has ten images of each class
			t.Errorf("class %d has %d training images", label, n)
		}
	}
	if present != 102 {
		t.Errorf("%d classes in train800val200, want 102", present)
	}
}

func TestFlowersRefused(t *testing.T) {
	root := realFlowers(t)
	expect.NoError(t, os.Remove(filepath.Join(root, "jpg")))
	out := func() Config { return config(t, root, "oxford_flowers102") }
	refused(t, out(), "image_", "is missing", "102flowers.tgz (344862509 bytes)")

	labels, sets := filepath.Join(root, "imagelabels.mat"), filepath.Join(root, "setid.mat")
	good := read(t, sets)
	expect.NoError(t, os.WriteFile(sets, read(t, labels), 0o666)) // the other file under its name
	refused(t, out(), "setid.mat with the variable trnid", "missing")
	expect.NoError(t, os.WriteFile(sets, good[:9000], 0o666))
	refused(t, out(), "setid.mat", "cut off")
	expect.NoError(t, os.WriteFile(sets, read(t, filepath.Join("matlab", "testdata", "testhdf5_7.4_GLNX86.mat")), 0o666))
	refused(t, out(), "setid.mat", "MATLAB 7.3")
	expect.NoError(t, os.Remove(sets))
	refused(t, out(), "setid.mat (14989 bytes)", "is missing")
}

// TestFlowersRules checks lists that contradict each other.
// TestFlowersOtherVariables: only the variables of the data set are read, however many others a file has.
func TestFlowersOtherVariables(t *testing.T) {
	f := &flowers{lists: map[string][]int{}}
	for _, name := range []string{"testdouble_7.4_GLNX86.mat", "numbers.mat"} { // with fractions, whole numbers
		expect.NoError(t, f.file("setid.mat", 0, bytes.NewReader(read(t, filepath.Join("matlab", "testdata", name)))))
	}
	if len(f.lists) > 0 {
		t.Errorf("%v", f.lists)
	}
}

func TestFlowersRules(t *testing.T) {
	good := func() *flowers {
		return &flowers{lists: map[string][]int{"labels": {1, 102, 7}, "trnid": {3}, "valid": {1}, "tstid": {2}}, images: 3}
	}
	records, classes, err := good().result("", nil)
	expect.NoError(t, err)
	if records["train"][0] != (record{"image_00003.jpg", 6, "image_00003.jpg"}) || records["test"][0].label != 101 || len(classes) != 102 {
		t.Errorf("%v", records)
	}
	for want, change := range map[string]func(f *flowers){
		"image 2 is of class 103":               func(f *flowers) { f.lists["labels"][1] = 103 },
		"image 1 is of class 0":                 func(f *flowers) { f.lists["labels"][0] = 0 },
		"image 1 is in valid and in tstid":      func(f *flowers) { f.lists["tstid"] = []int{1, 2} },
		"tstid names the image 4":               func(f *flowers) { f.lists["tstid"] = []int{4} },
		"names 2 images, imagelabels.mat has 3": func(f *flowers) { f.lists["tstid"] = nil },
		"there are 4 images named":              func(f *flowers) { f.images = 4 },
	} {
		f := good()
		change(f)
		_, _, err := f.result("", nil)
		expect.Error(t, err, want)
	}
}
