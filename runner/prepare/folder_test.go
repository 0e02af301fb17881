package prepare

import (
	"archive/zip"
	"bufio"
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// animals makes class folders of 30 cats, 20 dogs and 2 emus.
func animals(t *testing.T, under string) string {
	t.Helper()
	root := t.TempDir()
	for class, n := range map[string]int{"cat": 30, "dog": 20, "emu": 2} {
		for i := range n {
			imageFile(t, filepath.Join(root, under, class, fmt.Sprintf("%s %d.png", class, i)), 100*len(class)+i+int(class[0])<<8)
		}
	}
	return root
}

// sources reads sources.tsv, the name of each image in the source.
func sources(t *testing.T, root string) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "sources.tsv"))
	expect.NoError(t, err)
	defer f.Close()
	all := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, source, _ := strings.Cut(s.Text(), "\t")
		all[name] = source
	}
	return all
}

// TestDraw checks that the images are copies of those that the MD5 of "SEED:CLASS/IMAGE" sorts first, by class, each used once.
func TestDraw(t *testing.T) {
	root := animals(t, "")
	c := config(t, root, "animals")
	r := prepared(t, c)
	from := sources(t, c.Out)
	used := map[string]bool{}
	for list, want := range map[string][]int{
		"train800": {5, 4, 1}, // of 10: 5.77, 3.85 and 0.38; the largest class cedes one place
		"val200":   {1, 1, 1}, // of 3: 25, 16 and 1 image left
		"test":     {24, 15, 0},
	} {
		counts := make([]int, 3)
		for _, item := range items(t, c.Out, list) {
			source := from[item.Name]
			a, err := os.ReadFile(item.Path)
			expect.NoError(t, err)
			b, err := os.ReadFile(filepath.Join(root, source))
			expect.NoError(t, err)
			if string(a) != string(b) || used[source] || !strings.HasPrefix(source, []string{"cat/", "dog/", "emu/"}[item.Label]) {
				t.Errorf("%s with label %d is no copy of %s, or one of two", item.Name, item.Label, source)
			}
			used[source] = true
			counts[item.Label]++
		}
		if !slices.Equal(counts, want) || !slices.Equal(r.ClassCounts[list], want) {
			t.Errorf("%s: %v by class, in the record %v; want %v", list, counts, r.ClassCounts[list], want)
		}
	}
	// By hand: the five cats with the smallest MD5.
	var cats []string
	for i := range 30 {
		cats = append(cats, fmt.Sprintf("cat/cat %d.png", i))
	}
	slices.SortFunc(cats, func(a, b string) int {
		return strings.Compare(fmt.Sprintf("%x", md5.Sum([]byte("42:"+a))), fmt.Sprintf("%x", md5.Sum([]byte("42:"+b))))
	})
	var got []string
	for _, item := range items(t, c.Out, "train800") {
		if item.Label == 0 {
			got = append(got, from[item.Name])
		}
	}
	if !slices.Equal(got, cats[:5]) {
		t.Errorf("cats %q, want %q", got, cats[:5])
	}
	classes, err := os.ReadFile(filepath.Join(c.Out, "classes.txt"))
	expect.NoError(t, err)
	if string(classes) != "cat\ndog\nemu\n" || r.Official || *r.Options.Seed != 42 {
		t.Errorf("classes %q, record %+v", classes, r)
	}
}

// TestDrawAgain checks that a seed draws the same data set from a folder, a nested one and a zip, and another seed another.
func TestDrawAgain(t *testing.T) {
	plain := animals(t, "")
	packed := filepath.Join(t.TempDir(), "animals.zip")
	f, err := os.Create(packed)
	expect.NoError(t, err)
	z := zip.NewWriter(f)
	expect.NoError(t, z.AddFS(os.DirFS(animals(t, "data/2750"))))
	expect.NoError(t, z.Close())
	expect.NoError(t, f.Close())
	want := prepared(t, config(t, plain, "animals")).Fingerprint
	for _, from := range []string{plain, animals(t, "data/2750"), packed} {
		if r := prepared(t, config(t, from, "animals")); r.Fingerprint != want {
			t.Errorf("%s: fingerprint %s, want %s", from, r.Fingerprint, want)
		}
	}
	c := config(t, plain, "animals")
	c.Seed = 43
	if r := prepared(t, c); r.Fingerprint == want {
		t.Error("seed 43 draws what 42 does")
	}
}

// TestSplitFolders checks that all of test/ is for testing and valid/ for validation.
func TestSplitFolders(t *testing.T) {
	root := animals(t, "set/train")
	for i := range 4 {
		imageFile(t, filepath.Join(root, "set", "test", "dog", fmt.Sprintf("%d.png", i)), i)
		imageFile(t, filepath.Join(root, "set", "valid", "emu", fmt.Sprintf("%d.png", i)), 50+i)
	}
	c := config(t, root, "animals")
	r := prepared(t, c)
	from := sources(t, c.Out)
	for list, want := range map[string]string{"train800": "set/train/", "val200": "set/valid/emu/", "test": "set/test/dog/"} {
		for _, item := range items(t, c.Out, list) {
			if !strings.HasPrefix(from[item.Name], want) {
				t.Errorf("%s: %s is %s", list, item.Name, from[item.Name])
			}
		}
	}
	if r.Counts["test"] != 4 || r.Counts["val200"] != 3 || r.Counts["train800val200"] != 13 {
		t.Errorf("counts %v", r.Counts)
	}
	c = config(t, root, "animals")
	c.Test = 2
	if r := prepared(t, c); r.Counts["test"] != 2 || *r.Options.Test != 2 {
		t.Errorf("--test 2: %+v", r)
	}
}

// TestLinkedFolders checks that links to folders are followed, except for loops.
func TestLinkedFolders(t *testing.T) {
	plain := animals(t, "")
	want := prepared(t, config(t, plain, "animals")).Fingerprint
	root, store := animals(t, ""), t.TempDir()
	expect.NoError(t, os.Rename(filepath.Join(root, "dog"), filepath.Join(store, "dog")))
	expect.NoError(t, os.Symlink(filepath.Join(store, "dog"), filepath.Join(root, "dog")))
	expect.NoError(t, os.Symlink("..", filepath.Join(store, "dog", "loop")))
	expect.NoError(t, os.Symlink(root, filepath.Join(root, "cat", "loop")))
	if got := prepared(t, config(t, root, "animals")).Fingerprint; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
}

// TestUnusedFolders checks that other folders beside train/ and test/ are not classes.
func TestUnusedFolders(t *testing.T) {
	root := animals(t, "train")
	imageFile(t, filepath.Join(root, "test", "dog", "1.png"), 1)
	imageFile(t, filepath.Join(root, "raw", "dog", "2.png"), 2)
	imageFile(t, filepath.Join(root, "raw", "dog", "3.png"), 3)
	r := prepared(t, config(t, root, "animals"))
	if r.Classes != 3 || r.Counts["test"] != 1 || !slices.Contains(r.Remarks, "not used, folders beside those of splits: 1 (raw)") {
		t.Errorf("%d classes, counts %v, remarks %q", r.Classes, r.Counts, r.Remarks)
	}
}

// TestArchiveBeside checks that an archive of a common name beside class folders does not make them another data set.
func TestArchiveBeside(t *testing.T) {
	root := animals(t, "train")
	files{"a.png": "x"}.zip(t, filepath.Join(root, "train.zip"))
	expect.NoError(t, os.WriteFile(filepath.Join(root, "images.tar.gz"), []byte("broken"), 0o666))
	r := prepared(t, config(t, root, "animals"))
	if r.Classes != 3 || !strings.Contains(strings.Join(r.Remarks, "\n"), "train.zip") {
		t.Errorf("%d classes, remarks %q", r.Classes, r.Remarks)
	}
}

// TestLink checks that linked images are the source's files.
func TestLink(t *testing.T) {
	root := animals(t, "")
	c := config(t, root, "animals")
	c.Link = true
	prepared(t, c)
	from := sources(t, c.Out)
	for _, item := range items(t, c.Out, "test") {
		a, err := os.Stat(item.Path)
		expect.NoError(t, err)
		b, err := os.Stat(filepath.Join(root, from[item.Name]))
		expect.NoError(t, err)
		if !os.SameFile(a, b) {
			t.Fatalf("%s is no link", item.Name)
		}
	}
}

// TestExtension checks that the content decides on the extension.
func TestExtension(t *testing.T) {
	root := animals(t, "")
	for i := range 30 {
		expect.NoError(t, os.Rename(filepath.Join(root, "cat", fmt.Sprintf("cat %d.png", i)), filepath.Join(root, "cat", fmt.Sprintf("cat %d.jpg", i))))
	}
	expect.NoError(t, os.WriteFile(filepath.Join(root, "cat", "Thumbs.db"), nil, 0o666))
	expect.NoError(t, os.WriteFile(filepath.Join(root, "cat", ".DS_Store"), nil, 0o666))
	expect.NoError(t, os.WriteFile(filepath.Join(root, "cat", "notes.txt"), nil, 0o666))
	expect.NoError(t, os.WriteFile(filepath.Join(root, "cat", "x.avif"), nil, 0o666))
	c := config(t, root, "animals")
	r := prepared(t, c)
	for _, item := range items(t, c.Out, "test") {
		if filepath.Ext(item.Name) != ".png" {
			t.Errorf("%s is a PNG", item.Name)
		}
	}
	want := []string{
		"passed over, pictures in formats that are not read: 1 (cat/x.avif): convert them to PNG or JPEG",
		"passed over, files that are not images: 1 (cat/notes.txt)",
	}
	if !slices.Equal(r.Remarks, want) {
		t.Errorf("remarks %q, want %q", r.Remarks, want)
	}
}

func TestFoldersRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, root string, c *Config)
		want   []string
	}{
		{"too many", func(_ *testing.T, _ string, c *Config) { c.Train = 53 }, []string{"too few images", "there are 52 for --train 53"}},
		{"too many to validate", func(_ *testing.T, _ string, c *Config) { c.Val = 43 }, []string{"there are 42 for --val 43"}},
		{"none to test", func(_ *testing.T, _ string, c *Config) { c.Train, c.Val = 50, 2 }, []string{"--train 50", "--val 2", "test.txt"}},
		{"too many to test", func(_ *testing.T, _ string, c *Config) { c.Test = 40 }, []string{"39 are left for --test 40"}},
		{"splits by other names", func(t *testing.T, root string, c *Config) {
			c.From = t.TempDir()
			expect.NoError(t, os.Rename(root, filepath.Join(c.From, "Train")))
			imageFile(t, filepath.Join(c.From, "Test", "dog", "1.png"), 1)
		}, []string{"has a folder Test but no train/", "rename the folders"}},
		{"a split by another name", func(t *testing.T, root string, c *Config) {
			c.From = t.TempDir()
			expect.NoError(t, os.Rename(root, filepath.Join(c.From, "train")))
			imageFile(t, filepath.Join(c.From, "testing", "dog", "1.png"), 1)
		}, []string{"has a folder testing, whose images would not be used", "rename it to test/"}},
		{"an image outside", func(t *testing.T, root string, _ *Config) { imageFile(t, filepath.Join(root, "x.png"), 1) }, []string{"x.png", "no class folder"}},
		{"no image", func(t *testing.T, root string, _ *Config) {
			for i := range 30 {
				expect.NoError(t, os.WriteFile(filepath.Join(root, "cat", fmt.Sprintf("cat %d.png", i)), []byte("<html>"), 0o666))
			}
		}, []string{"cat/cat ", "neither JPEG", "<html>"}},
		{"an empty image", func(t *testing.T, root string, _ *Config) {
			expect.NoError(t, os.Truncate(filepath.Join(root, "emu", "emu 0.png"), 0))
			expect.NoError(t, os.Truncate(filepath.Join(root, "emu", "emu 1.png"), 0))
		}, []string{"emu/emu ", "empty"}},
		{"a single class", func(t *testing.T, root string, _ *Config) {
			expect.NoError(t, os.RemoveAll(filepath.Join(root, "cat")))
			expect.NoError(t, os.RemoveAll(filepath.Join(root, "dog")))
		}, []string{"single class folder", "emu"}},
		{"no images", func(t *testing.T, root string, _ *Config) {
			for _, class := range []string{"cat", "dog", "emu"} {
				expect.NoError(t, os.RemoveAll(filepath.Join(root, class)))
			}
			expect.NoError(t, os.WriteFile(filepath.Join(root, "README.md"), nil, 0o666))
		}, []string{"neither class folders", "README.md"}},
		{"records of another format", func(t *testing.T, root string, _ *Config) {
			for _, class := range []string{"cat", "dog", "emu"} {
				expect.NoError(t, os.RemoveAll(filepath.Join(root, class)))
			}
			for _, name := range []string{infoFile, "cifar100-train.array_record-00000-of-00001"} {
				expect.NoError(t, os.WriteFile(filepath.Join(root, name), []byte("{}"), 0o666))
			}
		}, []string{"array_record", "--file_format=tfrecord"}},
		{"an archive in a folder", func(t *testing.T, root string, _ *Config) {
			for _, class := range []string{"cat", "dog", "emu"} {
				expect.NoError(t, os.RemoveAll(filepath.Join(root, class)))
			}
			files{"a.png": "x"}.zip(t, filepath.Join(root, "pictures.zip"))
		}, []string{"archives such as pictures.zip", "give the archive itself"}},
		{"an archive in an archive", func(t *testing.T, root string, c *Config) {
			c.From = files{"deep/pictures.tar.gz": "x", "deep/README.md": "x"}.zip(t, filepath.Join(root, "all.zip"))
		}, []string{"all.zip holds archives such as deep/pictures.tar.gz", "archives in archives are not opened"}},
		{"nothing", func(t *testing.T, root string, _ *Config) {
			expect.NoError(t, os.RemoveAll(root))
			expect.NoError(t, os.Mkdir(root, 0o777))
		}, []string{"no files"}},
		{"not there", func(t *testing.T, root string, _ *Config) { expect.NoError(t, os.RemoveAll(root)) }, []string{"no such file"}},
		{"a dangling link", func(t *testing.T, root string, _ *Config) {
			expect.NoError(t, os.Symlink("gone", filepath.Join(root, "cat", "z.png")))
		}, []string{"z.png"}},
		{"a task that has no folders", func(_ *testing.T, _ string, c *Config) { c.Task = "cifar" }, []string{"--task cifar", "class folders"}},
		{"eurosat with other classes", func(_ *testing.T, _ string, c *Config) { c.Task = "eurosat" }, []string{"3 class folders, eurosat has 10"}},
		{"a name that is not UTF-8", func(t *testing.T, root string, _ *Config) {
			expect.NoError(t, os.Rename(filepath.Join(root, "cat"), filepath.Join(root, "\xff")))
		}, []string{`"\xff"`, "not UTF-8"}},
		{"no training images", func(_ *testing.T, _ string, c *Config) { c.Train = 0 }, []string{"--train 0"}},
		{"negative", func(_ *testing.T, _ string, c *Config) { c.Val = -1 }, []string{"--val -1"}},
		{"into itself", func(t *testing.T, root string, c *Config) { c.Out = filepath.Join(root, "made") }, []string{"lie in one another"}},
		{"onto itself", func(t *testing.T, root string, c *Config) { c.Out = root; c.Overwrite = true }, []string{"replaces only what 'data prepare' made"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := animals(t, "")
			conf := config(t, root, "animals")
			c.damage(t, root, &conf)
			refused(t, conf, c.want...)
		})
	}
}

// TestOverwrite checks that only a prepared data set is replaced, and only by a complete one.
func TestOverwrite(t *testing.T) {
	root := animals(t, "")
	c := config(t, root, "animals")
	prepared(t, c)
	refused(t, c, "exists already", "--overwrite")
	c.Overwrite, c.Train = true, 53
	refused(t, c, "too few")
	if r, err := ReadRecord(c.Out); err != nil || r.Options.Train != 10 {
		t.Errorf("the old data set is gone: %v", err)
	}
	c.Train = 11
	if r := prepared(t, c); r.Counts["train800"] != 11 {
		t.Errorf("counts %v", r.Counts)
	}
	if all := names(t, filepath.Dir(c.Out)); all != "animals" {
		t.Errorf("left behind: %s", all)
	}
	c.From, c.Train = c.Out, 10
	if err := refused(t, c, "lie in one another"); !wrongUse(err) {
		t.Errorf("%v", err)
	}
	c = config(t, root, "animals")
	expect.NoError(t, os.Mkdir(c.Out, 0o777))
	prepared(t, c) // an empty folder may be replaced
	c.Overwrite = true
	expect.NoError(t, os.Remove(filepath.Join(c.Out, RecordFile)))
	refused(t, c, "replaces only what 'data prepare' made")
	c.Out = filepath.Join(root, "..", "f")
	expect.NoError(t, os.WriteFile(c.Out, nil, 0o666))
	refused(t, c, "not a folder")
}

// TestStale checks that a killed preparation's files are replaced and a running one is left alone.
func TestStale(t *testing.T) {
	root := animals(t, "")
	c := config(t, root, "animals")
	stale := filepath.Join(filepath.Dir(c.Out), ".animals.being-written", "new", "images", "old.png")
	imageFile(t, stale, 1)
	other, err := openStage(c)
	expect.NoError(t, err)
	refused(t, c, "another process")
	other.Discard()
	imageFile(t, stale, 1)
	prepared(t, c)
	if _, err := os.Stat(filepath.Join(c.Out, "images", "old.png")); err == nil {
		t.Error("a stale file is in the data set")
	}
}

// TestQuotas checks quotas computed by hand.
func TestQuotas(t *testing.T) {
	for _, c := range []struct {
		counts []int
		n      int
		want   []int
	}{
		{[]int{10, 10}, 4, []int{2, 2}},
		{[]int{10, 10, 10}, 4, []int{2, 1, 1}},
		{[]int{98, 1, 1}, 10, []int{8, 1, 1}},
		{[]int{5, 0, 5}, 3, []int{2, 0, 1}},
		{[]int{1, 1, 1}, 2, []int{1, 1, 0}},
		{[]int{3, 2}, 5, []int{3, 2}},
		{[]int{7, 4, 2}, 6, []int{3, 2, 1}}, // 3.23, 1.85, 0.92
	} {
		if got := quotas(c.counts, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%v, %d places: %v, want %v", c.counts, c.n, got, c.want)
		}
	}
}
