package prepare

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"dtl-tf/runner/internal/suite"
	"dtl-tf/runner/internal/tfrecord"
)

// slice is a part of a split between two percentages of its records, rounded down.
type slice struct {
	split    string
	from, to int // percent
}

// keyFunc returns the key of a record that TFDS sorts by.
type keyFunc func(tfrecord.Example) (string, error)

// dataset states how VTAB-1k cuts a data set of TFDS. Slices are in record order, see package order. Train takes the first 800
// records of its slice, val the first 200.
type dataset struct {
	config string         // of TFDS, if there are several
	counts map[string]int // records by split, as published
	slices [lists]slice
	key    keyFunc // nil if records do not hold their key
}

// threeSplits is a data set with a validation split.
func threeSplits(train, validation, test int, key keyFunc) dataset {
	return dataset{counts: map[string]int{"train": train, "validation": validation, "test": test}, key: key,
		slices: [lists]slice{{"train", 0, 100}, {"validation", 0, 100}, {"test", 0, 100}}}
}

// cut is a data set that takes its validation images from the end of the training split.
func cut(train, percent int, testSplit string, test int, key keyFunc) dataset {
	return dataset{counts: map[string]int{"train": train, testSplit: test}, key: key,
		slices: [lists]slice{{"train", 0, percent}, {"train", percent, 100}, {testSplit, 0, 100}}}
}

// single is a data set of one split, train.
func single(records, validation, test int, key keyFunc) dataset {
	return dataset{counts: map[string]int{"train": records}, key: key,
		slices: [lists]slice{{"train", 0, validation}, {"train", validation, test}, {"train", test, 100}}}
}

func configured(config string, d dataset) dataset {
	d.config = config
	return d
}

// datasets returns, by TFDS name, what VTAB's code (task_adaptation/data/*.py) takes of each data set.
func datasets() map[string]dataset {
	return map[string]dataset{
		"caltech101":                     cut(3060, 90, "test", 6084, nil),
		"cifar10":                        cut(50000, 90, "test", 10000, nil), // not in VTAB-1k, cut like cifar100
		"cifar100":                       cut(50000, 90, "test", 10000, nil),
		"clevr":                          cut(70000, 90, "validation", 15000, text("file_name")),
		"diabetic_retinopathy_detection": configured("btgraham-300", threeSplits(35126, 10906, 42670, text("name"))),
		"dmlab":                          threeSplits(65550, 22628, 22735, text("filename")),
		"dsprites":                       single(737280, 80, 90, nil),
		"dtd":                            threeSplits(1880, 1880, 1880, text("file_name")),
		"eurosat":                        configured("rgb", single(27000, 60, 80, classText("filename"))),
		"kitti":                          threeSplits(6347, 423, 711, text("image/file_name")),
		"oxford_flowers102":              threeSplits(1020, 1020, 6149, text("file_name")),
		"oxford_iiit_pet":                cut(3680, 80, "test", 3669, text("file_name")),
		"patch_camelyon":                 threeSplits(262144, 32768, 32768, text("id")),
		"resisc45":                       single(31500, 60, 80, classText("filename")),
		"smallnorb": {counts: map[string]int{"train": 24300, "test": 24300},
			slices: [lists]slice{{"train", 0, 100}, {"test", 0, 50}, {"test", 50, 100}}},
		"sun397":       configured("tfds", threeSplits(76128, 10875, 21750, text("file_name"))),
		"svhn_cropped": cut(73257, 90, "test", 26032, nil),
	}
}

// task is a data set with a label.
type task struct {
	dataset string
	classes int
	label   func(tfrecord.Example) (int, error)
	image   func([]byte) ([]byte, error) // converts an encoded image; nil copies it
}

// tasks returns the tasks by folder name. The numbers of classes are those of package suite. By default the data set has the name
// of the folder and the label the name "label".
var tasks = sync.OnceValue(func() map[string]task {
	all := map[string]task{
		"cifar":                {dataset: "cifar100"},
		"cifar10":              {dataset: "cifar10", classes: 10, label: stored("label")},
		"clevr_count":          {dataset: "clevr", label: countAll},
		"clevr_dist":           {dataset: "clevr", label: closestObject},
		"diabetic_retinopathy": {dataset: "diabetic_retinopathy_detection"},
		"dsprites_loc":         {dataset: "dsprites", label: binned("label_x_position", 32, 16), image: brighten},
		"dsprites_ori":         {dataset: "dsprites", label: binned("label_orientation", 40, 16), image: brighten},
		"kitti":                {label: closestVehicle},
		"smallnorb_azi":        {dataset: "smallnorb", label: stored("label_azimuth")},
		"smallnorb_ele":        {dataset: "smallnorb", label: stored("label_elevation")},
		"svhn":                 {dataset: "svhn_cropped"},
	}
	for _, t := range suite.Tasks() {
		with := all[t.Folder]
		with.dataset, with.classes = cmp.Or(with.dataset, t.Folder), t.Classes
		if with.label == nil {
			with.label = stored("label")
		}
		all[t.Folder] = with
	}
	return all
})

// Tasks returns the names that Config.Task accepts.
func Tasks() []string { return slices.Sorted(maps.Keys(tasks())) }

// byName finds a task by its name, also by names of TFDS and other spellings.
func byName(name string) (string, bool) {
	name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
	switch name {
	case "cifar100", "cifar_100":
		name = "cifar"
	case "cifar_10":
		name = "cifar10"
	case "svhn_cropped":
		name = "svhn"
	case "diabetic_retinopathy_detection":
		name = "diabetic_retinopathy"
	}
	_, ok := tasks()[name]
	return name, ok
}
