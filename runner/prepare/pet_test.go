package prepare

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// smallPets makes 37 classes with two training images and one test image each, in the layout of the two archives.
func smallPets(t *testing.T) (images, annotations files, wants map[string][]want) {
	t.Helper()
	images, annotations, wants = files{}, files{}, map[string][]want{}
	lists := map[string]*strings.Builder{"train": {}, "test": {}}
	lists["train"].WriteString("#Image CLASS-ID SPECIES BREED ID\n")
	for class := range 37 {
		for i, split := range []string{"train", "train", "test"} {
			name := fmt.Sprintf("Big_breed%02d_%d", class, i+1)
			content := photo(t, 5*class+i)
			switch {
			case class == 3 && i == 2: // as Abyssinian_5.jpg, which is a GIF
				content = "GIF89a and more"
			case class == 4 && i == 2: // as chihuahua_121.jpg
				content = "\x89PNG\r\n\x1a\n and more"
			}
			images["images/"+name+".jpg"] = content
			wants[split] = append(wants[split], want{name + ".jpg", class, content})
			fmt.Fprintf(lists[split], "%s %d 1 1\n", name, class+1)
		}
	}
	images["images/Abyssinian_100.mat"] = "not read"
	annotations["annotations/trainval.txt"] = lists["train"].String()
	annotations["annotations/test.txt"] = lists["test"].String()
	annotations["annotations/list.txt"] = "not read"
	annotations["annotations/trimaps/Big_breed00_1.png"] = "not read"
	return images, annotations, wants
}

// TestPets reads both archives from a folder, packed, unpacked, and one of each.
func TestPets(t *testing.T) {
	sized(t, map[string]int{"train": 74, "test": 37})
	images, annotations, wants := smallPets(t)
	root := t.TempDir()
	packed, mixed, unpacked := filepath.Join(root, "packed"), filepath.Join(root, "mixed"), filepath.Join(root, "unpacked")
	images.tar(t, filepath.Join(packed, "images.tar.gz"), true)
	annotations.tar(t, filepath.Join(packed, "annotations.tar.gz"), false)
	images.tar(t, filepath.Join(mixed, "images.tar.gz"), false)
	annotations.folder(t, mixed)
	images.folder(t, unpacked)
	annotations.folder(t, unpacked)
	train := sorted("train", wants["train"])
	for _, from := range []string{packed, mixed, unpacked} {
		c := config(t, from, "oxford_iiit_pet")
		r := prepared(t, c)
		compare(t, c.Out, "train800", train[:10])
		compare(t, c.Out, "val200", train[59:62]) // 80 percent of 74, rounded down
		compare(t, c.Out, "test", sorted("test", wants["test"]))
		if len(r.ClassNames) != 37 || r.ClassNames[36] != "Big_breed36" || r.Kind != "Oxford-IIIT Pet" {
			t.Errorf("record %+v", r)
		}
		if from == packed && !strings.Contains(told(r), "checksum of images.tar.gz") {
			t.Errorf("no remark on checksums: %q", r.Remarks)
		}
		for _, item := range items(t, c.Out, "test") {
			if item.Label == 3 && filepath.Ext(item.Path) != ".gif" || item.Label == 4 && filepath.Ext(item.Path) != ".png" {
				t.Errorf("%s has an extension that is not that of its content", item.Path)
			}
		}
	}
}

func TestPetsRefused(t *testing.T) {
	sized(t, map[string]int{"train": 74, "test": 37})
	images, annotations, _ := smallPets(t)
	pack := func(images, annotations files) string {
		root := t.TempDir()
		images.tar(t, filepath.Join(root, "images.tar.gz"), false)
		annotations.tar(t, filepath.Join(root, "annotations.tar.gz"), false)
		return root
	}
	const list = "annotations/test.txt"
	edit := func(old, with string) string {
		return pack(images, annotations.with(list, strings.Replace(annotations[list], old, with, 1)))
	}
	for _, c := range []struct {
		name, from string
		want       []string
	}{
		{"one archive", filepath.Join(pack(images, annotations), "images.tar.gz"), []string{"annotations/", "give the folder with all files", "annotations.tar.gz (19173078 bytes)"}},
		{"no annotations", filepath.Dir(images.tar(t, filepath.Join(t.TempDir(), "images.tar.gz"), false)), []string{"missing", "annotations.tar.gz (19173078 bytes)"}},
		{"no images", pack(files{"images/x.jpg": "x"}, annotations), []string{"images/Big_breed", "missing"}},
		{"no list", pack(images, annotations.without(list)), []string{list, "missing"}},
		{"class 0", edit(" 7 1 1", " 0 1 1"), []string{list, "class from 1 to 37"}},
		{"class 38", edit(" 7 1 1", " 38 1 1"), []string{list, "class from 1 to 37"}},
		{"few columns", edit(" 7 1 1", " 7 1"), []string{list, "NAME_NUMBER CLASS"}},
		{"a path", edit("Big_breed03_3", "../Big_breed03_3"), []string{list, "NAME_NUMBER CLASS"}},
		{"another class", edit(" 7 1 1", " 8 1 1"), []string{"class 8 is called", "Big_breed06", "Big_breed07"}},
		{"a line too few", edit("Big_breed03_3 4 1 1\n", ""), []string{"split test has 36 images", "has 37"}},
		{"swapped archives", pack(annotations, images), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := config(t, c.from, "oxford_iiit_pet")
			conf.Task = "oxford_iiit_pet"
			if c.want == nil { // told by content
				prepared(t, conf)
				return
			}
			refused(t, conf, c.want...)
		})
	}
}
