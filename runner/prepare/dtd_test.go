package prepare

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// smallDTD makes 47 classes with one image of each for each split.
func smallDTD(t *testing.T) (files, map[string][]want) {
	t.Helper()
	f, wants := files{}, map[string][]want{}
	for split, list := range map[string]string{"train": "train1", "validation": "val1", "test": "test1"} {
		var lines strings.Builder
		for class := range 47 {
			name := fmt.Sprintf("class%02d/class%02d_%s.jpg", class, class, list)
			content := photo(t, 3*class+len(list))
			f["dtd/images/"+name] = content
			wants[split] = append(wants[split], want{name, class, content})
			fmt.Fprintln(&lines, name)
		}
		f["dtd/labels/"+list+".txt"] = lines.String()
	}
	f["dtd/labels/train2.txt"] = "not read"
	f["dtd/imdb/imdb.mat"] = "not read"
	return f, wants
}

// TestDTD reads the archive, which is a plain tar in spite of its name, and the unpacked files.
func TestDTD(t *testing.T) {
	sized(t, map[string]int{"train": 47, "validation": 47, "test": 47})
	f, wants := smallDTD(t)
	root := t.TempDir()
	plain := f.tar(t, filepath.Join(root, "plain", "dtd-r1.0.1.tar.gz"), false)
	zipped := f.tar(t, filepath.Join(root, "zipped", "renamed.tgz"), true)
	unpacked := f.folder(t, filepath.Join(root, "unpacked"))
	both := filepath.Join(root, "both")
	f.tar(t, filepath.Join(both, "dtd-r1.0.1.tar.gz"), false)
	f.folder(t, both)
	for _, from := range []string{plain, zipped, unpacked, filepath.Join(unpacked, "dtd"), filepath.Dir(plain), both} {
		c := config(t, from, "dtd")
		r := prepared(t, c)
		compare(t, c.Out, "train800", sorted("train", wants["train"])[:10])
		compare(t, c.Out, "val200", sorted("validation", wants["validation"])[:3])
		compare(t, c.Out, "test", sorted("test", wants["test"]))
		if r.Task != "dtd" || len(r.ClassNames) != 47 || r.ClassNames[46] != "class46" || len(r.Sources) == 0 || r.Pixels != "" {
			t.Errorf("record %+v", r)
		}
		if checked := strings.Contains(told(r), "checksum of dtd-r1.0.1.tar.gz"); checked != (from != zipped && from != unpacked && from != filepath.Join(unpacked, "dtd")) && checked {
			t.Errorf("%s: remarks %q", from, r.Remarks)
		}
	}
	c := config(t, zipped, "anything") // without the task's name
	if r := prepared(t, c); r.Task != "dtd" {
		t.Errorf("task %s", r.Task)
	}
}

// TestDTDRefused: what is wrong with a source is said, and nothing is left behind.
func TestDTDRefused(t *testing.T) {
	sized(t, map[string]int{"train": 47, "validation": 47, "test": 47})
	f, _ := smallDTD(t)
	pack := func(f files) string { return f.tar(t, filepath.Join(t.TempDir(), "dtd-r1.0.1.tar.gz"), true) }
	lines := f["dtd/labels/val1.txt"]
	first, _, _ := strings.Cut(lines, "\n")
	whole := pack(f)
	for _, c := range []struct {
		name, from string
		want       []string
	}{
		{"no list", pack(f.without("dtd/labels/val1.txt")), []string{"labels/val1.txt of DTD", "missing", "another archive"}},
		{"no image", pack(f.without("dtd/images/" + first)), []string{first, "missing"}},
		{"an image too few", pack(f.with("dtd/labels/val1.txt", strings.TrimPrefix(lines, first+"\n"))), []string{"split validation has 46 images", "has 47"}},
		{"an image too many", pack(f.with("dtd/labels/val1.txt", lines+"class00/more.jpg\n")), []string{"split validation has 48 images", "has 47"}},
		{"an image twice", pack(f.with("dtd/labels/val1.txt", strings.Replace(lines, "class01/class01_val1.jpg", first, 1))), []string{first, "twice"}},
		{"a class too many", pack(f.with("dtd/labels/val1.txt", strings.Replace(lines, "class01/", "class99/", 1))), []string{"48 classes", "has 47"}},
		{"a huge list", pack(f.with("dtd/labels/val1.txt", strings.Repeat("\n", maxTable+1))), []string{"labels/val1.txt", "too many for a list"}},
		{"another line", pack(f.with("dtd/labels/val1.txt", "../../etc/passwd")), []string{"labels/val1.txt", "CLASS/FILE"}},
		{"no image data", pack(f.with("dtd/images/class05/class05_test1.jpg", "<html>")), []string{"class05_test1.jpg", "neither JPEG"}},
		{"a RAR", string(plant(t, filepath.Join(t.TempDir(), "dtd-r1.0.1.tar.gz"), []byte("Rar!\x1a\x07\x01"))), []string{"RAR", "unpack it"}},
		{"an archive in an archive", files{"dtd-r1.0.1.tar.gz": "x"}.zip(t, filepath.Join(t.TempDir(), "dtd.zip")), []string{"labels/", "archives in archives are not opened: dtd.zip, dtd-r1.0.1.tar.gz", "unpack the outer one"}},
		{"another data set", files{"a/1.jpg": photo(t, 1), "b/1.jpg": photo(t, 2)}.zip(t, filepath.Join(t.TempDir(), "dtd-r1.0.1.tar.gz")), []string{"labels/", "another archive"}},
		{"an empty folder of others", filepath.Dir(files{"x": "y"}.zip(t, filepath.Join(t.TempDir(), "textures.zip"))), []string{"dtd-r1.0.1.tar.gz (625239812 bytes)", "textures.zip"}},
		{"two copies", copies(t, whole), []string{"dtd-r1.0.1.tar.gz", "keep one of them"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := config(t, c.from, "dtd")
			conf.Task = "dtd"
			refused(t, conf, c.want...)
		})
	}
	conf := config(t, whole, "dtd")
	conf.Seeded = true
	refused(t, conf, "--seed")
	conf = config(t, whole, "dtd")
	conf.Link = true
	refused(t, conf, "--link")
}

// copies makes a folder with an archive in two places.
func copies(t *testing.T, file string) string {
	t.Helper()
	root := t.TempDir()
	for _, sub := range []string{"a", "b"} {
		plant(t, filepath.Join(root, sub, filepath.Base(file)), read(t, file))
	}
	return root
}
