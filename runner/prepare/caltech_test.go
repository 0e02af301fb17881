package prepare

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/runner/internal/origin"
)

// smallCaltech has 102 class folders, the first of 32 images and all others of 31, and the stray file of the real archive.
func smallCaltech(t *testing.T) files {
	t.Helper()
	f := files{"101_ObjectCategories/BACKGROUND_Google/tmp": "stray"}
	for class := range 102 {
		name := fmt.Sprintf("class%03d", class)
		switch class {
		case 0:
			name = "BACKGROUND_Google"
		case 1:
			name = "Faces"
		}
		n := 31
		if class == 0 {
			n = 32
		}
		for i := range n {
			f[fmt.Sprintf("101_ObjectCategories/%s/image_%04d.jpg", name, i+1)] = fmt.Sprintf("\xff\xd8\xff %s %d", name, i)
		}
	}
	return f
}

// TestCaltech reads the archive in the archive, the archive and the folder. All lead to the images that numpy draws from sorted
// names.
func TestCaltech(t *testing.T) {
	caltechImages = 32 + 101*31
	defer func() { caltechImages = 9144 }()
	f := smallCaltech(t)
	root := t.TempDir()
	inner := f.tar(t, filepath.Join(root, "101_ObjectCategories.tar.gz"), true)
	outer := files{"caltech-101/101_ObjectCategories.tar.gz": string(read(t, inner)), "caltech-101/Annotations.tar": "not read", "__MACOSX/caltech-101/._101_ObjectCategories.tar.gz": "x"}.
		zip(t, filepath.Join(root, "zip", "caltech-101.zip"))
	unpacked := f.folder(t, filepath.Join(root, "unpacked"))
	var first map[string]string
	for _, from := range []string{inner, outer, filepath.Dir(outer), unpacked, filepath.Join(unpacked, "101_ObjectCategories")} {
		c := config(t, from, "caltech101")
		c.Task = "caltech101"
		r := prepared(t, c)
		if r.Official || !strings.Contains(told(r), "a substitute") || r.ClassNames[0] != "background_google" || r.ClassNames[101] != "faces" {
			t.Errorf("official %v, remarks %q, classes %q", r.Official, r.Remarks, r.ClassNames)
		}
		if word := origin.Of(c.Out, "", r.Fingerprint); !strings.HasPrefix(word, "not official: ") || !strings.Contains(word, "the official draw from Caltech-101 depends") {
			t.Errorf("runs record %q", word)
		}
		names := sources(t, c.Out)
		for at, name := range names {
			parts := strings.Split(name, "/")
			names[at] = strings.Join(parts[len(parts)-2:], "/")
		}
		if first == nil {
			first = names
			left := map[string][]string{}
			for at, name := range names {
				if class, file, _ := strings.Cut(name, "/"); strings.HasPrefix(at, "images/test/") {
					left[class] = append(left[class], file)
				}
			}
			slices.Sort(left["BACKGROUND_Google"])
			if got, want := fmt.Sprint(left["BACKGROUND_Google"], left["Faces"]), leftByNumpy; got != want {
				t.Errorf("numpy leaves %s for testing, not %s", want, got)
			}
			if n := len(left); n != 102 {
				t.Errorf("%d classes in test", n)
			}
		} else if !maps.Equal(names, first) {
			t.Errorf("%s: other images than from the archive", from)
		}
		for _, item := range items(t, c.Out, "test") {
			class, _, _ := strings.Cut(first[item.Name], "/")
			if r.ClassNames[item.Label] != strings.ToLower(class) {
				t.Fatalf("%s of class %s has label %d", item.Name, class, item.Label)
			}
		}
	}
}

// TestCaltechDraw: a seed asks for a draw from the class folders, which need not be complete.
func TestCaltechDraw(t *testing.T) {
	f := smallCaltech(t)
	c := config(t, f.without("101_ObjectCategories/Faces/image_0003.jpg").folder(t, t.TempDir()), "mine")
	c.Seeded, c.Train = true, 204
	if r := prepared(t, c); r.Task != "" || r.Options.Seed == nil || r.Classes != 102 || r.ClassCounts["train800"][5] != 2 {
		t.Errorf("record %+v", r)
	}
}

func TestCaltechRefused(t *testing.T) {
	caltechImages = 32 + 101*31
	defer func() { caltechImages = 9144 }()
	f := smallCaltech(t)
	pack := func(f files) string { return f.tar(t, filepath.Join(t.TempDir(), "101_ObjectCategories.tar.gz"), true) }
	raw := string(read(t, pack(f)))
	zipped := func(inner string) string {
		return files{"caltech-101/101_ObjectCategories.tar.gz": inner}.zip(t, filepath.Join(t.TempDir(), "caltech-101.zip"))
	}
	folder := t.TempDir()
	plant(t, filepath.Join(folder, "101_ObjectCategories.tar.gz"), []byte(raw))
	plant(t, filepath.Join(folder, "caltech-101.zip"), read(t, zipped(raw)))
	few := files{}
	for name, content := range f {
		if !strings.Contains(name, "Faces/") || strings.Contains(name, "_000") {
			few[name] = content
		}
	}
	for i := range 22 { // the right number
		few[fmt.Sprintf("101_ObjectCategories/class005/more_%d.jpg", i)] = "x"
	}
	for _, c := range []struct {
		name, from string
		want       []string
	}{
		{"an image too few", pack(f.without("101_ObjectCategories/Faces/image_0003.jpg")), []string{"3162 images in 102 class folders", "has 3163 in 102"}},
		{"an image too many", pack(f.with("101_ObjectCategories/Faces/image_0099.jpg", "x")), []string{"3164 images"}},
		{"a class too many", pack(f.without("101_ObjectCategories/Faces/image_0003.jpg").with("101_ObjectCategories/More/image_0003.jpg", "x")), []string{"103 class folders"}},
		{"a small class", pack(few), []string{"class folder Faces has 9 files", "at least 30"}},
		{"cut off inside", zipped(raw[:len(raw)/2]), []string{"caltech-101.zip", "101_ObjectCategories.tar.gz", "cut off"}},
		{"another archive inside", zipped(string(read(t, files{"x/y/z": "x"}.zip(t, filepath.Join(t.TempDir(), "x"))))), []string{"caltech-101.zip", "101_ObjectCategories.tar.gz"}},
		{"both archives", folder, []string{"is there twice", "keep one of them"}},
		{"nothing inside", zipped(string(read(t, pack(files{"x": "y"})))), []string{"101_ObjectCategories/CLASS/image_0001.jpg of Caltech-101 is missing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := config(t, c.from, "caltech101")
			conf.Task = "caltech101"
			refused(t, conf, c.want...)
		})
	}
}

// leftByNumpy are the files of the first two folders that numpy 2.4.6 does not draw.
const leftByNumpy = "[image_0007.jpg image_0020.jpg image_0022.jpg] [image_0003.jpg]"
