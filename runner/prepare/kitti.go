package prepare

import (
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// kittiSet is the object detection benchmark of KITTI (Geiger et al. 2012), of which only the training images have labels. TFDS
// splits them by drive. The key of an image is its file name.
var kittiSet = &authorSet{
	dataset: "kitti",
	title:   "KITTI object detection",
	files: []authorFile{
		{"data_object_image_2.zip", 12569945557, "351c5a2aa0cd9238b50174a3a62b846bc5855da256b82a196431d60ff8d43617"},
		{"data_object_label_2.zip", 5601213, "4efc76220d867e1c31bb980bbf8cbc02599f02a9cb4350effa98dbb04aaed880"},
		{"devkit_object.zip", 63794, "ce0b76b69c0c5f89690a0d65b7302bbbdb962a0c7e8aba6efc7050d1b04b4cf1"},
	},
	mark: func(name string) bool { return below(name, "training/label_2/", kittiRand) != "" },
	open: openRecords(func() rules { return kitti{texts{}, map[string]int{}} }),
}

// The files of the devkit that tell the drive of each image.
const (
	kittiRand    = "mapping/train_rand.txt"    // by image, a line of kittiMapping, counted from 1
	kittiMapping = "mapping/train_mapping.txt" // lines "DATE DRIVE FRAME"
)

// kittiDrives are the drives of TFDS's splits, drawn by numpy.random with seed 123 from the sorted drives. All others are for training.
var kittiDrives = map[string][]string{
	"test": {
		"2011_09_26_drive_0001_sync", "2011_09_26_drive_0011_sync", "2011_09_26_drive_0070_sync", "2011_09_26_drive_0087_sync",
		"2011_09_28_drive_0001_sync", "2011_09_28_drive_0070_sync", "2011_09_28_drive_0094_sync", "2011_09_28_drive_0102_sync",
		"2011_09_28_drive_0154_sync", "2011_09_28_drive_0167_sync", "2011_09_28_drive_0185_sync", "2011_09_28_drive_0199_sync",
		"2011_09_28_drive_0204_sync", "2011_10_03_drive_0047_sync",
	},
	"validation": {
		"2011_09_26_drive_0027_sync", "2011_09_26_drive_0035_sync", "2011_09_26_drive_0052_sync", "2011_09_26_drive_0057_sync",
		"2011_09_26_drive_0079_sync", "2011_09_26_drive_0084_sync", "2011_09_28_drive_0016_sync", "2011_09_28_drive_0021_sync",
		"2011_09_28_drive_0043_sync", "2011_09_28_drive_0138_sync", "2011_09_28_drive_0143_sync", "2011_09_28_drive_0146_sync",
		"2011_09_28_drive_0162_sync", "2011_09_28_drive_0165_sync",
	},
}

type kitti struct {
	texts
	labels map[string]int // by name of the file
}

func (k kitti) canon(name string) string {
	name = below(name, "training/image_2/", "training/label_2/", "mapping/")
	if strings.HasPrefix(name, "mapping/") && name != kittiRand && name != kittiMapping {
		return ""
	}
	return name
}

func (k kitti) file(name string, size int64, r io.Reader) error {
	if path.Dir(name) != "training/label_2" || path.Ext(name) != ".txt" {
		return k.texts.file(name, size, r)
	}
	content, err := readText(r, size)
	if err == nil {
		k.labels[name], err = kittiLabel(content)
	}
	return err
}

func (k kitti) result(_ string, missing func(string) error) (map[string][]record, []string, error) {
	for _, name := range []string{kittiRand, kittiMapping} {
		if _, ok := k.texts[name]; !ok {
			return nil, nil, missing(name)
		}
	}
	mapping := strings.Split(strings.TrimSpace(k.texts[kittiMapping]), "\n")
	records := map[string][]record{}
	for image, text := range strings.Split(strings.TrimSpace(k.texts[kittiRand]), ",") {
		line, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || line < 1 || line > len(mapping) {
			return nil, nil, fmt.Errorf("%s: number %d is %.20q, want a line of %s, which has %d", kittiRand, image, text, kittiMapping, len(mapping))
		}
		fields := strings.Fields(mapping[line-1])
		if len(fields) != 3 {
			return nil, nil, fmt.Errorf("%s: line %d, %.80q, is not of the form DATE DRIVE FRAME", kittiMapping, line, mapping[line-1])
		}
		split := "train"
		for name, drives := range kittiDrives {
			if slices.Contains(drives, fields[1]) {
				split = name
			}
		}
		labels := fmt.Sprintf("training/label_2/%06d.txt", image)
		class, ok := k.labels[labels]
		if !ok {
			return nil, nil, missing(labels)
		}
		key := fmt.Sprintf("%06d.png", image)
		records[split] = append(records[split], record{key: key, label: class, image: path.Join("training/image_2", key)})
	}
	return records, nil, nil
}

// The types of objects in KITTI's labels, and whether they count as vehicles.
var kittiTypes = map[string]bool{
	"Car": true, "Van": true, "Truck": true, "Pedestrian": false, "Person_sitting": false, "Cyclist": false, "Tram": false, "Misc": false,
	"DontCare": false,
}

// kittiLabel labels an image by the lines of its objects: the type, 13 numbers that begin with "truncated" and end with the location
// x, y, z in metres, and a rotation.
func kittiLabel(content string) (int, error) {
	nearest := noVehicle
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		vehicle, known := kittiTypes[fields[0]]
		if len(fields) != 15 || !known {
			return 0, fmt.Errorf("the line %.80q is not of the form TYPE and 14 numbers", strings.TrimSpace(line))
		}
		z, err := strconv.ParseFloat(fields[13], 64)
		if err != nil || math.IsInf(z, 0) {
			return 0, fmt.Errorf("the distance %.20q is no number", fields[13])
		}
		if vehicle {
			nearest = min(nearest, float32(z))
		}
	}
	return above(nearest, vehicleLimits...)
}
