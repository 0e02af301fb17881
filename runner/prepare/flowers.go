package prepare

import (
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"

	"dtl-tf/runner/prepare/matlab"
)

// flowerSet is Oxford Flowers 102 (Nilsback and Zisserman 2008). The key of an image is its file name. Its label is the number of its
// class in imagelabels.mat minus 1; the classes have no names there.
var flowerSet = &authorSet{
	dataset: "oxford_flowers102",
	title:   "Oxford Flowers 102",
	files: []authorFile{
		{"102flowers.tgz", 344862509, "2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246"},
		{"imagelabels.mat", 502, "4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d"},
		{"setid.mat", 14989, "46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd"},
	},
	open: openRecords(func() rules { return &flowers{lists: map[string][]int{}} }),
}

type flowers struct {
	lists  map[string][]int // variables of the .mat files
	images int              // that were found
}

// flowerSplits has the variable of setid.mat for each split. VTAB-1k tests on tstid, the largest.
var flowerSplits = []flowerSplit{{"train", "trnid"}, {"validation", "valid"}, {"test", "tstid"}}

type flowerSplit struct{ split, variable string }

// flowerLabels is the variable of imagelabels.mat.
const flowerLabels = "labels"

const maxFlowers = 100_000 // more than five digits number

var flowerName = regexp.MustCompile(`^image_[0-9]{5}\.jpg$`)

// flowerFile is the name of an image by its number, which counts from 1.
func flowerFile(number int) string { return fmt.Sprintf("image_%05d.jpg", number) }

func (f *flowers) canon(name string) string {
	base := path.Base(name)
	if base == "imagelabels.mat" || base == "setid.mat" || flowerName.MatchString(base) {
		return base
	}
	return ""
}

func (f *flowers) file(name string, _ int64, r io.Reader) error {
	if path.Ext(name) != ".mat" {
		f.images++
		return nil
	}
	return matlab.Walk(r, func(a *matlab.Array) (err error) {
		if a.Name != flowerLabels && !slices.ContainsFunc(flowerSplits, func(s flowerSplit) bool { return a.Name == s.variable }) {
			return nil // not read, so that the number of variables does not matter
		}
		f.lists[a.Name], err = a.Ints(maxFlowers)
		return err
	})
}

func (f *flowers) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	labels, ok := f.lists[flowerLabels]
	if !ok {
		return nil, nil, missing("imagelabels.mat with the variable labels")
	}
	classes := tasks()["oxford_flowers102"].classes
	for i, label := range labels {
		if label < 1 || label > classes {
			return nil, nil, fmt.Errorf("imagelabels.mat: image %d is of class %d, want 1 to %d", i+1, label, classes)
		}
	}
	records := map[string][]record{}
	taken := make([]string, len(labels))
	total := 0
	for _, s := range flowerSplits {
		numbers, ok := f.lists[s.variable]
		if !ok {
			return nil, nil, missing("setid.mat with the variable " + s.variable)
		}
		for _, n := range numbers {
			if n < 1 || n > len(labels) {
				return nil, nil, fmt.Errorf("setid.mat: %s names the image %d, imagelabels.mat has %d: they are not of one data set", s.variable, n, len(labels))
			}
			if before := taken[n-1]; before != "" {
				return nil, nil, fmt.Errorf("setid.mat: image %d is in %s and in %s", n, before, s.variable)
			}
			taken[n-1] = s.variable
			records[s.split] = append(records[s.split], record{key: flowerFile(n), label: labels[n-1] - 1, image: flowerFile(n)})
		}
		total += len(numbers)
	}
	if total != len(labels) {
		return nil, nil, fmt.Errorf("setid.mat names %d images, imagelabels.mat has %d: they are not of one data set", total, len(labels))
	}
	if f.images > total {
		return nil, nil, fmt.Errorf("there are %d images named image_NNNNN.jpg, the lists have %d: it is another data set", f.images, total)
	}
	names := make([]string, classes)
	for i := range names {
		names[i] = strconv.Itoa(i + 1)
	}
	return records, names, nil
}
