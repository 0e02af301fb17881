package prepare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// suns makes an archive of all 397 classes, a table of its lists, and the expected records. Contents are those of an image of
// 500 x 400 pixels, in JPEG or PNG, or of a small one.
func suns(t *testing.T) (files, map[string][]uint32, map[string][]want) {
	t.Helper()
	big := image.NewRGBA(image.Rect(0, 0, 500, 400))
	for i := range big.Pix {
		big.Pix[i] = byte(i/4%500/2 + i%4*20)
	}
	var photo, lossless, small bytes.Buffer
	expect.NoError(t, jpeg.Encode(&photo, big, nil))
	expect.NoError(t, png.Encode(&lossless, big))
	expect.NoError(t, jpeg.Encode(&small, encodable(), nil))
	contents := []string{small.String(), photo.String(), lossless.String()}
	f, table, wants := files{}, map[string][]uint32{}, map[string][]want{}
	var classes []string
	for class := range 397 {
		name := fmt.Sprintf("/%c/class_%03d", 'a'+class%26, class)
		if class%50 == 7 {
			name += "/indoor"
		}
		classes = append(classes, name)
	}
	slices.Sort(classes)
	for class, name := range classes {
		key := fmt.Sprintf("%s/sun_%c%cxyz.jpg", name, 'a'+class%26, 'a'+class/26)
		split := []string{"train", "validation", "test", ""}[min(class%20, 3)]
		content := contents[0]
		if split != "" {
			content = contents[class/20%3]
			wants[split] = append(wants[split], want{key, class, content})
			table[split] = append(table[split], sunDigest(key))
		}
		f["SUN397"+key] = content
	}
	for split := range table {
		slices.Sort(table[split])
	}
	f["SUN397/ClassName.txt"] = "not read"
	return f, table, wants
}

// TestSUN: the table finds the images, and they are made as TFDS does.
func TestSUN(t *testing.T) {
	f, table, wants := suns(t)
	before := sunTable
	sunTable = func() map[string][]uint32 { return table }
	defer func() { sunTable = before }()
	sized(t, map[string]int{"train": 300, "validation": 50, "test": len(wants["test"])})
	zipped := f.tar(t, filepath.Join(t.TempDir(), "SUN397.tar.gz"), true)
	unpacked := filepath.Join(f.folder(t, t.TempDir()), "SUN397")
	for _, from := range []string{zipped, unpacked} {
		c := config(t, from, "sun397")
		c.Task = "sun397"
		r := prepared(t, c)
		if len(r.ClassNames) != 397 || !strings.Contains(r.Pixels, "JPEG of quality 95") || r.Counts["test"] != len(wants["test"]) {
			t.Errorf("record %+v", r)
		}
		names := sources(t, c.Out)
		for list, wanted := range map[string][]want{"train800": sorted("train", wants["train"])[:10], "val200": sorted("validation", wants["validation"])[:3], "test": sorted("test", wants["test"])} {
			for i, item := range items(t, c.Out, list) {
				if item.Label != wanted[i].label || !strings.HasSuffix("SUN397/"+names[item.Name], wanted[i].key) {
					t.Fatalf("%s, image %d: %s with label %d, want %s with %d", list, i, names[item.Name], item.Label, wanted[i].key, wanted[i].label)
				}
				made, err := jpeg.Decode(bytes.NewReader(read(t, item.Path)))
				expect.NoError(t, err)
				// sqrt(120000 / 200000) of 500 x 400
				if size := made.Bounds().Size(); size != image.Pt(16, 16) && size != image.Pt(387, 310) {
					t.Fatalf("%s is of size %v", item.Name, size)
				}
			}
		}
	}
	c := config(t, zipped, "sun397")
	c.Train = len(table["train"]) + 1
	if err := refused(t, c, "only the first"); !wrongUse(err) {
		t.Errorf("no error of usage: %v", err)
	}
	c = config(t, f.without("SUN397"+wants["test"][2].key).tar(t, filepath.Join(t.TempDir(), "SUN397.tar.gz"), true), "sun397")
	refused(t, c, "396 classes")
	c = config(t, f.without("SUN397"+wants["test"][2].key).with("SUN397"+strings.Replace(wants["test"][2].key, "xyz", "zzz", 1), "x").tar(t, filepath.Join(t.TempDir(), "SUN397.tar.gz"), true), "sun397")
	refused(t, c, "split test has", "not complete")
	c = config(t, f.with("SUN397"+wants["test"][2].key, "<html>").tar(t, filepath.Join(t.TempDir(), "SUN397.tar.gz"), true), "sun397")
	refused(t, c, wants["test"][2].key, "not an image")
	c = config(t, files{"a/x.jpg": "x"}.tar(t, filepath.Join(t.TempDir(), "SUN397.tar.gz"), true), "sun397")
	refused(t, c, "SUN397/a/abbey/", "missing")
}

// TestSUNTable: the shipped table has as many images as VTAB-1k's lists, sorted, and those that TFDS's lists begin and end with.
func TestSUNTable(t *testing.T) {
	table := sunTable()
	v := vectors(t, "sun397")
	for split, list := range map[string]string{"train": "train800", "validation": "val200", "test": "test"} {
		var want struct {
			Count int
			First []string
			Last  string
		}
		expect.NoError(t, json.Unmarshal(v[list], &want))
		if len(table[split]) != want.Count || !slices.IsSorted(table[split]) || len(slices.Compact(slices.Clone(table[split]))) != want.Count {
			t.Errorf("%s has %d images, want %d", list, len(table[split]), want.Count)
		}
		for _, key := range append(want.First, want.Last) {
			if _, in := slices.BinarySearch(table[split], sunDigest(key)); !in || sunPath("SUN397"+key) != key {
				t.Errorf("%s lacks %s", list, key)
			}
		}
	}
}
