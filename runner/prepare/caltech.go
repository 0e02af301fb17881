package prepare

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"dtl-tf/runner/prepare/order"
)

// caltechSet is Caltech-101 (Fei-Fei et al. 2004): class folders, in an archive in an archive.
//
// VTAB-1k's images do not follow from it. TFDS draws 30 images of each class by numpy.random with seed 1234, but from names in the
// order in which the file system of the machine lists them. What is made here is a substitute: the same draw from sorted names.
var caltechSet = &authorSet{
	dataset: "caltech101",
	title:   "Caltech-101",
	files: []authorFile{
		{"caltech-101.zip", 137414764, "331234750fc7f77520e50d9565e8b6907b03565e30320da1401130db08c61f91"},
		{"101_ObjectCategories.tar.gz", 131740031, "af6ece2f339791ca20f855943d8b55dd60892c0a25105fcd631ee3d6430f9926"},
	},
	either: true,
	inner:  "101_ObjectCategories.tar.gz",
	mark: func(name string) bool {
		return path.Base(name) == "101_ObjectCategories.tar.gz" || below(name, "101_ObjectCategories/") != ""
	},
	open: openRecords(func() rules { return &caltech{classes: map[string][]string{}} }),
}

// caltechImages is the number of images. Tests have fewer.
var caltechImages = 9144

const (
	caltechDrawn = 30 // images of each class in the split train
	caltechSeed  = 1234
)

type caltech struct {
	classes map[string][]string // names of files by class folder, also of those that are no images
	train   int
}

// canon returns CLASS/FILE.
func (c *caltech) canon(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) < 2 || len(parts) > 2 && parts[len(parts)-3] != "101_ObjectCategories" {
		return ""
	}
	return path.Join(parts[len(parts)-2:]...)
}

func (c *caltech) file(name string, _ int64, _ io.Reader) error {
	class, file := path.Split(name)
	class = path.Clean(class)
	c.classes[class] = append(c.classes[class], file)
	return nil
}

func (c *caltech) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	want := tasks()["caltech101"].classes
	var folders, labels []string
	images := 0
	for class, names := range c.classes {
		jpegs := len(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasSuffix(name, ".jpg") }))
		images += jpegs
		if jpegs == 0 { // such as the annotations beside the images
			continue
		}
		folders = append(folders, class)
		labels = append(labels, strings.ToLower(class))
	}
	if images == 0 {
		return nil, nil, missing("101_ObjectCategories/CLASS/image_0001.jpg")
	}
	if len(folders) != want || images != caltechImages {
		return nil, nil, fmt.Errorf("there are %d images in %d class folders, Caltech-101 has %d in %d: the source is not complete, or is another data set",
			images, len(folders), caltechImages, want)
	}
	slices.Sort(folders)
	slices.Sort(labels)
	records := map[string][]record{}
	draw := order.NewNumpy(caltechSeed)
	for _, class := range folders {
		names := c.classes[class]
		if len(names) < caltechDrawn {
			return nil, nil, fmt.Errorf("the class folder %s has %d files, want at least %d", class, len(names), caltechDrawn)
		}
		slices.Sort(names)
		label, _ := slices.BinarySearch(labels, strings.ToLower(class))
		drawn := map[int]bool{}
		for _, i := range draw.Choice(len(names), caltechDrawn) {
			drawn[i] = true
		}
		for i, name := range names {
			if !strings.HasSuffix(name, ".jpg") { // the stray file BACKGROUND_Google/tmp takes part in the draw
				continue
			}
			split := "test"
			if drawn[i] {
				split = "train"
			}
			key := class + "/" + name
			records[split] = append(records[split], record{key: key, label: label, image: key})
		}
	}
	c.train = len(records["train"])
	return records, labels, nil
}

// counts implements counter: the stray file may be in either split.
func (c *caltech) counts() map[string]int {
	return map[string]int{"train": c.train, "test": caltechImages - c.train}
}

func (c *caltech) remarks(r *Record) {
	r.unofficial("the official draw from Caltech-101 depends on the order in which a file system lists folders, so the archive does not determine it. " +
		"These are a substitute, TFDS's draw (seed 1234) from names sorted by bytes. The record files of a copy that TFDS prepared have the official images")
}
