package data

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/need"
)

// tree writes files, given by relative path and content, to a new folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func names(items []Item) []string {
	var out []string
	for _, i := range items {
		out = append(out, i.Name)
	}
	return out
}

func TestOpenLists(t *testing.T) {
	root := tree(t, map[string]string{
		"images/a b.png": "x", "images/c.png": "y",
		"train800.txt":       "\ufeffimages/a b.png 2\r\n\r\nimages/c.png\t0\r\n",
		"train800val200.txt": "images/c.png 0\nimages/a b.png 2",
		"test.txt":           "  images/c.png   4  \n",
	})
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if s.Layout != LayoutLists || s.Classes != 5 || s.ClassNames != nil {
		t.Errorf("layout %q, %d classes, names %v", s.Layout, s.Classes, s.ClassNames)
	}
	if got := s.Splits(); !slices.Equal(got, []string{"train", "trainval", "test"}) {
		t.Errorf("splits %v", got)
	}
	items, err := s.Split(Train)
	if err != nil || len(items) != 2 || items[0].Name != "images/a b.png" || items[0].Label != 2 || items[1].Label != 0 ||
		items[0].Path != filepath.Join(root, "images", "a b.png") {
		t.Errorf("train %+v, error %v", items, err)
	}
	for _, split := range []string{Val, "validation"} {
		if _, err := s.Split(split); err == nil || !strings.Contains(err.Error(), "train, trainval, test") {
			t.Errorf("split %s: error %v, want the splits that exist", split, err)
		}
	}
	if s, err := OpenClasses(root, 5); err != nil || s.Classes != 5 {
		t.Errorf("5 classes: %v", err)
	}
	if _, err := OpenClasses(root, 4); err == nil || !strings.Contains(err.Error(), "test.txt line 1: label 4 is out of range") {
		t.Errorf("4 classes: error %v", err)
	}
}

func TestOpenLoneTrainList(t *testing.T) {
	s, err := Open(tree(t, map[string]string{"images/a.png": "x", "train.txt": "images/a.png 1"}))
	if err != nil || !slices.Equal(s.Splits(), []string{"train", "trainval"}) || s.Classes != 2 {
		t.Errorf("%+v, error %v", s, err)
	}
}

func TestListErrors(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"images/a.png 0\nimages/a.png", "line 2: \"images/a.png\": want a path and a label"},
		{"images/a.png one", "line 1: label \"one\" is not a whole number"},
		{"images/a.png 1.5", "not a whole number"},
		{"images/a.png 99999999999999999999", "not a whole number"},
		{"images/a.png 100000", "above 99999"},
		{"\n\nimages/a.png -1", "line 3: label -1 is negative"},
		{"images/a.png 0\nimages/b.png 0", "line 2: stat "},
		{"images 0", "line 1: "},
		{"/etc/passwd 0", "leaves the data set's folder"},
		{"images/../../a.png 0", "leaves the data set's folder"},
		{"\r\n \n", "is empty"},
		{"", "is empty"},
		{strings.Repeat("x", 1<<20), "line 1: "},
		{"\xff\xd8\xff\xe0\x00\x00 \x00", "line 1: "},
	} {
		root := tree(t, map[string]string{"images/a.png": "x", "train800.txt": c.list})
		_, err := Open(root)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "train800.txt") {
			t.Errorf("%.40q: error %v, want one with the list's name and %q", c.list, err, c.want)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%.40q: the error has %d bytes", c.list, len(err.Error()))
		}
	}
}

func TestOpenFolders(t *testing.T) {
	root := tree(t, map[string]string{
		"train/dog/2.JPG": "", "train/dog/1.png": "", "train/cat/deep/er/x.bmp": "", "train/Zebra/z.gif": "",
		"train/cat/README.md": "", "train/.cache/x.png": "", "train/dog/.hidden.png": "", "train/notes.txt": "",
		"test/dog/9.jpeg": "", "val/cat/1.png": "",
	})
	if err := os.Symlink(filepath.Join(root, "train", "dog"), filepath.Join(root, "test", "cat")); err != nil {
		t.Fatal(err)
	}
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if s.Layout != LayoutFolders || s.Classes != 3 || !slices.Equal(s.ClassNames, []string{"Zebra", "cat", "dog"}) {
		t.Errorf("layout %q, %d classes, names %v", s.Layout, s.Classes, s.ClassNames)
	}
	train, err := s.Split(TrainVal)
	want := []string{"train/Zebra/z.gif", "train/cat/deep/er/x.bmp", "train/dog/1.png", "train/dog/2.JPG"}
	if err != nil || !slices.Equal(names(train), want) || train[0].Label != 0 || train[3].Label != 2 {
		t.Errorf("trainval %v, error %v", train, err)
	}
	test, err := s.Split(Test)
	if err != nil || !slices.Equal(names(test), []string{"test/cat/1.png", "test/cat/2.JPG", "test/dog/9.jpeg"}) {
		t.Errorf("test %v, error %v", names(test), err)
	}
	if val, err := s.Split(Val); err != nil || len(val) != 1 || val[0].Label != 1 {
		t.Errorf("val %v, error %v", val, err)
	}
	if _, err := OpenClasses(root, 4); err == nil || !strings.Contains(err.Error(), "3 class folders, 4") {
		t.Errorf("4 classes: error %v", err)
	}
}

// TestLayouts: which folders are splits and which are classes, and what is said of the others.
func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name   string
		files  []string
		splits map[string][]string
		notes  []string
	}{
		{"splits, and val/ by another name", []string{"train/a/1.png", "train/b/2.png", "valid/b/3.png", "raw/4.png", "cat/5.png"},
			map[string][]string{Train: {"train/a/1.png", "train/b/2.png"}, Val: {"valid/b/3.png"}},
			[]string{"not used, folders of ROOT beside those of splits: 2 (cat, raw)"}},
		{"two of val/", []string{"train/a/1.png", "val/a/2.png", "validation/a/3.png"},
			map[string][]string{Train: {"train/a/1.png"}, Val: {"val/a/2.png"}},
			[]string{"not used, folders of ROOT beside those of splits: 1 (validation)"}},
		{"what could be splits, but is not needed or holds none", []string{"train/a/1.png", "test/a/2.png", "eval/a/3.png", "dev/results.csv"},
			map[string][]string{Train: {"train/a/1.png"}, Test: {"test/a/2.png"}},
			[]string{"not used, folders of ROOT beside those of splits: 2 (dev, eval)"}},
		{"classes alone", []string{"dog/1.png", "dog/in/2.png", "cat/3.png", "README.md"},
			map[string][]string{Train: {"cat/3.png", "dog/1.png", "dog/in/2.png"}}, nil},
		{"a class called train", []string{"train/1.png", "bus/2.png", "tram/3.png"},
			map[string][]string{Train: {"bus/2.png", "train/1.png", "tram/3.png"}},
			[]string{"the folder ROOT/train holds images and no folders, so it is taken as a class next to bus, tram"}},
		{"what is no image", []string{"train/a/1.png", "train/a/.x.png", "train/a/Thumbs.db", "train/__MACOSX/a/1.png",
			"train/a/1.heic", "train/a/1.svg", "train/a/1.json", "train/2.png", "train/list.txt"},
			map[string][]string{Train: {"train/a/1.png"}},
			[]string{"passed over, images of ROOT/train outside class folders: 1 (2.png)",
				"passed over, pictures in formats that are not read: 2 (ROOT/train/a/1.heic, ROOT/train/a/1.svg): convert them to PNG or JPEG",
				"passed over, files that are not images: 2 (ROOT/train/list.txt, ROOT/train/a/1.json)",
				"passed over, hidden files and those of the system: 3 (ROOT/train/__MACOSX, ROOT/train/a/.x.png, ROOT/train/a/Thumbs.db)"}},
		{"many", []string{"train/a/1.png", "train/a/1", "train/a/2", "train/a/3", "train/a/4", "train/a/5", "train/a/6", "train/a/7"},
			map[string][]string{Train: {"train/a/1.png"}},
			[]string{"passed over, files that are not images: 7 (ROOT/train/a/1, ROOT/train/a/2, ROOT/train/a/3, ROOT/train/a/4, ROOT/train/a/5 and 2 more)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{}
			for _, name := range c.files {
				files[name] = ""
			}
			root := tree(t, files)
			s, err := Open(root)
			if err != nil {
				t.Fatal(err)
			}
			for _, split := range []string{Train, Val, Test} {
				if got := names(s.splits[split]); !slices.Equal(got, c.splits[split]) {
					t.Errorf("%s: %q, want %q", split, got, c.splits[split])
				}
			}
			if got := strings.ReplaceAll(strings.Join(s.Notes, "\n"), root, "ROOT"); got != strings.Join(c.notes, "\n") {
				t.Errorf("notes\n%s\nwant\n%s", got, strings.Join(c.notes, "\n"))
			}
		})
	}
}

// TestLinkedFolders: 20 of 24 images lie behind links to folders. One more link leads back up.
func TestLinkedFolders(t *testing.T) {
	files, store := map[string]string{}, map[string]string{}
	for i := range 10 {
		store[fmt.Sprintf("a/%d.png", i)], store[fmt.Sprintf("b/%d.png", i)] = "", ""
	}
	for i := range 2 {
		files[fmt.Sprintf("train/a/own%d.png", i)], files[fmt.Sprintf("train/b/own%d.png", i)] = "", ""
	}
	root, there := tree(t, files), tree(t, store)
	link := func(to, name string) {
		need.NoError(t, os.Symlink(to, filepath.Join(root, name)))
	}
	link(filepath.Join(there, "a"), "train/a/batch")
	link(filepath.Join(there, "b"), "train/b/batch")
	link("..", "train/a/up")
	s, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, item := range s.splits[Train] {
		count[item.Label]++
	}
	if count[0] != 12 || count[1] != 12 {
		t.Errorf("images by class %v, want 12 and 12", count)
	}
	link("gone", "train/c")
	if _, err := Open(root); err == nil || !strings.Contains(err.Error(), "train/c is a link that leads nowhere") {
		t.Errorf("a class that leads nowhere: %v", err)
	}
}

func TestFolderErrors(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		want  string
	}{
		{map[string]string{"x.png": ""}, "neither lists"},
		{map[string]string{}, "CLASS/*): it is empty"},
		{map[string]string{"x.heic": "", "y.txt": ""}, "it has no folders and no images, but other files: 2 (x.heic, y.txt)"},
		{map[string]string{"train/a.png": ""}, "no class folders"},
		{map[string]string{"train/a/x.png": "", "train/b/x.txt": ""}, "has no image"},
		{map[string]string{"train/a/x.png": "", "test/b/x.png": ""}, "no counterpart"},
		{map[string]string{"train/a/x.heic": ""}, "x.heic): convert them to PNG or JPEG"},
		{map[string]string{"a/x.png": "", "b/x.avif": "", "b/y.HEIC": ""}, "b has no image in a format that is read, and others: 2 ("},
		{map[string]string{"a/x.png": ""}, "neither lists"},
		{map[string]string{"a/x.png": ""}, `or two or more CLASS/*): there is one folder, "a", and with one class there is nothing to classify`},
		{map[string]string{"a/x.png": "", "b/x.txt": ""}, "b has no image"},
		{map[string]string{"training/a/x.png": "", "validation/a/x.png": ""}, "has a folder training but no train/: rename"},
		{map[string]string{"Train/a/x.png": "", "Test/a/x.png": ""}, "has a folder Test but no train/: rename"},
		{map[string]string{"train/a/x.png": "", "train/b/x.png": "", "Test/a/y.png": ""}, "has a folder Test, whose images would not be used: rename it to test/"},
		{map[string]string{"train/a/x.png": "", "test/a/x.png": "", "dev/a/y.png": ""}, "has a folder dev, whose images would not be used: rename it to val/"},
		{map[string]string{"test/a/x.png": "", "Training/a/y.png": ""}, "has a folder Training, whose images would not be used: rename it to train/"},
		{map[string]string{"train/x.png": "", "test/x.png": ""}, "no class folders"},
		{map[string]string{"pets/train/a/x.png": "", "cars/images/1.png": ""}, "is not a data set, but pets in it looks like one"},
		{map[string]string{"cifar/train800.txt": "", "cifar/images/1.png": "", "zoo/a/1.png": ""}, "cifar in it looks like one"},
	} {
		if _, err := Open(tree(t, c.files)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.files, err, c.want)
		}
	}
	root := tree(t, map[string]string{"s/train/a/x.png": "", "s/train/b/x.png": "", "c/b/x.png": "", "c/d/x.png": "", "one/flat/x.png": ""})
	for folder, want := range map[string]string{ // a folder of images in place of the data set
		"s/train/a": "images itself: 1; if they are one class, use the folder above it, " + filepath.Join(root, "s") + "; else put those of each class",
		"c/b":       "images itself: 1; if they are one class, use the folder above it, " + filepath.Join(root, "c") + "; else put those of each class",
		"one/flat":  "images itself: 1; put those of each class into a folder of its own, or list them in a table",
	} {
		if _, err := Open(filepath.Join(root, folder)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", folder, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("missing folder: error %v", err)
	}
	file := filepath.Join(tree(t, map[string]string{"f": ""}), "f")
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("file: error %v", err)
	}
}

// TestUnreadableFolder: a folder that the user may not read is named, with a way out.
func TestUnreadableFolder(t *testing.T) {
	if !need.Permissions(t) {
		return
	}
	root := tree(t, map[string]string{"a/1.png": "", "b/2.png": "", "a/in/3.png": ""})
	for _, folder := range []string{"a/in", "b"} {
		path := filepath.Join(root, folder)
		need.NoError(t, os.Chmod(path, 0))
		_, err := Open(root)
		if want := path + ": permission denied: its images would be missing, so make it readable"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", folder, err, want)
		}
		need.NoError(t, os.Chmod(path, 0o755))
	}
}

func TestOpenShared(t *testing.T) {
	for folder, want := range map[string]struct{ classes, trainval, test int }{
		"vtab-1k/eurosat": {10, 1000, 5400}, "vtab-1k/cifar": {100, 1000, 10000}, "vtab-1k/caltech101": {102, 1000, 2000},
		"pretrain/cifar100-25k": {100, 25000, 0},
	} {
		s, err := Open(need.Shared(t, folder))
		if err != nil {
			t.Error(err)
			continue
		}
		trainval, _ := s.Split(TrainVal)
		test, _ := s.Split(Test)
		if s.Classes != want.classes || len(trainval) != want.trainval || len(test) != want.test {
			t.Errorf("%s: %d classes, %d and %d images", folder, s.Classes, len(trainval), len(test))
		}
	}
}
