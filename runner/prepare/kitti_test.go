package prepare

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// object is a line of KITTI's labels.
func object(kind, z string) string {
	return kind + " 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 " + z + " -1.59\n"
}

var kittiCases = []struct {
	objects string
	label   int
}{
	{object("Car", "46.70") + object("Pedestrian", "3.0"), 2},
	{object("Cyclist", "3.0") + object("Misc", "2") + object("DontCare", "-1000"), 3},
	{object("Truck", "20.00") + object("Car", "21.5"), 1},
	{object("Van", "8.00") + object("Car", "30"), 0}, // 8 does not exceed 8
	{object("Tram", "5") + object("Car", "8.01"), 1},
	{"", 3},
	{object("Car", "20.01") + object("DontCare", "-1000"), 2},
}

// smallKITTI has 60 images of three drives for each split, in the layout of the three archives.
func smallKITTI(t *testing.T) (archives map[string]files, wants map[string][]want) {
	t.Helper()
	images, labels, devkit, wants := files{}, files{}, files{}, map[string][]want{}
	drives := []string{"2011_09_26_drive_0005_sync", kittiDrives["test"][3], "2011_10_03_drive_0042_sync", kittiDrives["validation"][9], "2011_09_28_drive_0002_sync"}
	splits := []string{"train", "test", "train", "validation", "train"}
	var mapping, numbers []string
	for line := range 70 { // more lines than images
		mapping = append(mapping, fmt.Sprintf("%s %s %010d", drives[line%5][:10], drives[line%5], line))
	}
	for i := range 60 {
		line := (i * 37) % 70 // from 0, each once
		numbers = append(numbers, fmt.Sprint(line+1))
		name := fmt.Sprintf("%06d", i)
		content := "\x89PNG\r\n\x1a\n" + name
		c := kittiCases[i%len(kittiCases)]
		images["training/image_2/"+name+".png"] = content
		images["testing/image_2/"+name+".png"] = "not read"
		labels["training/label_2/"+name+".txt"] = c.objects
		split := splits[line%5]
		wants[split] = append(wants[split], want{name + ".png", c.label, content})
	}
	devkit["mapping/train_rand.txt"] = strings.Join(numbers, ",") + "\n"
	devkit["mapping/train_mapping.txt"] = strings.Join(mapping, "\n") + "\n"
	devkit["readme.txt"] = "not read"
	return map[string]files{"data_object_image_2.zip": images, "data_object_label_2.zip": labels, "devkit_object.zip": devkit}, wants
}

func kittiCounts(wants map[string][]want) map[string]int {
	return map[string]int{"train": len(wants["train"]), "validation": len(wants["validation"]), "test": len(wants["test"])}
}

func packKITTI(t *testing.T, archives map[string]files) string {
	t.Helper()
	root := t.TempDir()
	for name, f := range archives {
		f.zip(t, filepath.Join(root, name))
	}
	return root
}

// TestKITTI reads the three archives and what was unpacked from them.
func TestKITTI(t *testing.T) {
	archives, wants := smallKITTI(t)
	sized(t, kittiCounts(wants))
	unpacked := t.TempDir()
	for name, f := range archives {
		f.folder(t, filepath.Join(unpacked, strings.TrimSuffix(name, ".zip")))
	}
	for _, from := range []string{packKITTI(t, archives), unpacked} {
		c := config(t, from, "kitti")
		r := prepared(t, c)
		compare(t, c.Out, "train800", sorted("train", wants["train"])[:10])
		compare(t, c.Out, "val200", sorted("validation", wants["validation"])[:3])
		compare(t, c.Out, "test", sorted("test", wants["test"]))
		if r.Task != "kitti" || len(r.Sources) < 3 {
			t.Errorf("record %+v", r)
		}
	}
}

// TestKITTIDrives compares the table with the drives that numpy draws.
func TestKITTIDrives(t *testing.T) {
	v := vectors(t, "kitti")
	for split, drives := range kittiDrives {
		var want []string
		expect.NoError(t, json.Unmarshal(v[split+"_drives"], &want))
		if !slices.Equal(drives, want) {
			t.Errorf("%s: %q, want %q", split, drives, want)
		}
	}
}

func TestKITTIRefused(t *testing.T) {
	archives, wants := smallKITTI(t)
	sized(t, kittiCounts(wants))
	edit := func(archive, name string, how func(string) string) string {
		all := map[string]files{}
		for a, f := range archives {
			all[a] = f
		}
		if content := how(archives[archive][name]); content == "" {
			all[archive] = archives[archive].without(name)
		} else {
			all[archive] = archives[archive].with(name, content)
		}
		return packKITTI(t, all)
	}
	gone := func(string) string { return "" }
	swap := func(old, with string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, with, 1) }
	}
	const label = "training/label_2/000003.txt"
	withoutDevkit := map[string]files{"data_object_image_2.zip": archives["data_object_image_2.zip"], "data_object_label_2.zip": archives["data_object_label_2.zip"]}
	for _, c := range []struct {
		name, from string
		want       []string
	}{
		{"no devkit", packKITTI(t, withoutDevkit), []string{"mapping/train_rand.txt", "missing", "devkit_object.zip (63794 bytes)"}},
		{"one archive", filepath.Join(packKITTI(t, archives), "data_object_image_2.zip"), []string{"missing", "data_object_label_2.zip"}},
		{"no mapping", edit("devkit_object.zip", "mapping/train_mapping.txt", gone), []string{"mapping/train_mapping.txt", "missing"}},
		{"no labels", edit("data_object_label_2.zip", label, gone), []string{label, "missing"}},
		{"no image", edit("data_object_image_2.zip", "training/image_2/000003.png", gone), []string{"training/image_2/000003.png", "missing"}},
		{"line 0", edit("devkit_object.zip", "mapping/train_rand.txt", swap("38,", "0,")), []string{"number 1", `"0"`, "train_mapping.txt, which has 70"}},
		{"line 71", edit("devkit_object.zip", "mapping/train_rand.txt", swap("38,", "71,")), []string{"number 1", `"71"`}},
		{"another mapping", edit("devkit_object.zip", "mapping/train_mapping.txt", swap(" 0000000000", "")), []string{"line 1", "DATE DRIVE FRAME"}},
		{"an image too many", edit("devkit_object.zip", "mapping/train_rand.txt", func(s string) string { return strings.TrimSpace(s) + ",1" }), []string{"label_2/000060.txt", "missing"}},
		{"another drive", edit("devkit_object.zip", "mapping/train_mapping.txt", swap(kittiDrives["validation"][9], "2011_09_28_drive_0003_sync")), []string{"split", "images", "has"}},
		{"few columns", edit("data_object_label_2.zip", label, swap("-1.59\n", "\n")), []string{label, "TYPE and 14 numbers"}},
		{"another type", edit("data_object_label_2.zip", label, swap("Car", "Boat")), []string{label, "Boat"}},
		{"no distance", edit("data_object_label_2.zip", label, swap("8.00", "far")), []string{label, `"far"`}},
		{"not a number", edit("data_object_label_2.zip", label, swap("8.00", "NaN")), []string{label, "not a number"}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, config(t, c.from, "kitti"), c.want...) })
	}
}
