package prepare

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// dtdSet is the Describable Textures Dataset (Cimpoi et al. 2014), release 1.0.1. Splits are the first of its ten folds. The key of
// an image is its line in the list of its split, CLASS/FILE.
var dtdSet = &authorSet{
	dataset: "dtd",
	title:   "DTD (dtd-r1.0.1)",
	files:   []authorFile{{"dtd-r1.0.1.tar.gz", 625239812, "e42855a52a4950a3b59612834602aa253914755c95b0cff9ead6d07395f8e205"}},
	mark:    func(name string) bool { return below(name, "labels/train1.txt", "labels/labels_joint_anno.txt") != "" },
	open:    openRecords(func() rules { return dtd{texts{}} }),
}

type dtd struct{ texts }

var dtdLists = map[string]string{"train": "labels/train1.txt", "validation": "labels/val1.txt", "test": "labels/test1.txt"}

func (d dtd) canon(name string) string {
	name = below(name, "images/", "labels/")
	if strings.HasPrefix(name, "labels/") && name != "labels/train1.txt" && name != "labels/val1.txt" && name != "labels/test1.txt" {
		return ""
	}
	return name
}

func (d dtd) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	records := map[string][]record{}
	var classes []string
	for split, list := range dtdLists {
		content, ok := d.texts[list]
		if !ok {
			return nil, nil, missing(list)
		}
		for line := range strings.Lines(content) {
			line = strings.TrimSpace(line)
			if line == "" {
				continue
			}
			if strings.Count(line, "/") != 1 {
				return nil, nil, fmt.Errorf("%s: the line %.80q is not of the form CLASS/FILE", list, line)
			}
			classes = append(classes, path.Dir(line))
			records[split] = append(records[split], record{key: line, image: "images/" + line})
		}
	}
	slices.Sort(classes)
	classes = slices.Compact(classes)
	for _, list := range records {
		for i := range list {
			list[i].label, _ = slices.BinarySearch(classes, path.Dir(list[i].key))
		}
	}
	return records, classes, checkClasses("DTD", len(classes), tasks()["dtd"].classes)
}

// checkClasses rejects another number of classes than a data set has.
func checkClasses(title string, got, want int) error {
	if got != want {
		return fmt.Errorf("the lists name %d classes, %s has %d: the source is not complete, or is another data set", got, title, want)
	}
	return nil
}
