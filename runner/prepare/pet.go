package prepare

import (
	"fmt"
	"strconv"
	"strings"
)

// petSet is the Oxford-IIIT Pet Dataset (Parkhi et al. 2012). The key of an image is its file name. Some images are not JPEG,
// whatever their names say; they are copied as they are.
var petSet = &authorSet{
	dataset: "oxford_iiit_pet",
	title:   "Oxford-IIIT Pet",
	files: []authorFile{
		{"images.tar.gz", 791918971, "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d"},
		{"annotations.tar.gz", 19173078, "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91"},
	},
	common: []string{"images.tar.gz", "annotations.tar.gz"},
	mark:   func(name string) bool { return below(name, "annotations/trainval.txt") != "" },
	open:   openRecords(func() rules { return pets{texts{}} }),
}

type pets struct{ texts }

func (p pets) canon(name string) string {
	name = below(name, "images/", "annotations/")
	if strings.HasPrefix(name, "annotations/") && name != "annotations/trainval.txt" && name != "annotations/test.txt" {
		return ""
	}
	return name
}

// result reads lines "Abyssinian_1 CLASS SPECIES BREED" with CLASS from 1.
func (p pets) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	classes := make([]string, tasks()["oxford_iiit_pet"].classes)
	records := map[string][]record{}
	for split, list := range map[string]string{"train": "annotations/trainval.txt", "test": "annotations/test.txt"} {
		content, ok := p.texts[list]
		if !ok {
			return nil, nil, missing(list)
		}
		for line := range strings.Lines(content) {
			fields := strings.Fields(line)
			if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
				continue
			}
			end := strings.LastIndexByte(fields[0], '_')
			class := 0
			if len(fields) == 4 {
				class, _ = strconv.Atoi(fields[1])
			}
			if class < 1 || class > len(classes) || end < 1 || strings.ContainsRune(fields[0], '/') {
				return nil, nil, fmt.Errorf("%s: the line %.80q is not of the form NAME_NUMBER CLASS SPECIES BREED with a class from 1 to %d", list, line, len(classes))
			}
			name := fields[0][:end]
			if known := classes[class-1]; known != "" && known != name {
				return nil, nil, fmt.Errorf("%s: class %d is called %q and %q", list, class, known, name)
			}
			classes[class-1] = name
			file := fields[0] + ".jpg"
			records[split] = append(records[split], record{key: file, label: class - 1, image: "images/" + file})
		}
	}
	found := 0
	for _, name := range classes {
		if name != "" {
			found++
		}
	}
	return records, classes, checkClasses("Oxford-IIIT Pet", found, len(classes))
}
