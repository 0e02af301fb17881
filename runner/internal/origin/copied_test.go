package origin

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/data"
)

// eurosat writes the official lists of eurosat, without images. Its labels follow from the keys CLASS_CLASS_NUMBER.jpg of TFDS, which
// are sorted by MD5. read permutes the positions of test as a copy may.
func eurosat(t *testing.T, read func(n int) []int) (folder string, write func(name string, labels []int), lists map[string][]int) {
	t.Helper()
	type record struct {
		digest [md5.Size]byte
		label  int
	}
	var all []record
	for label, class := range []struct {
		name string
		n    int
	}{{"AnnualCrop", 3000}, {"Forest", 3000}, {"HerbaceousVegetation", 3000}, {"Highway", 2500}, {"Industrial", 2500}, {"Pasture", 2000},
		{"PermanentCrop", 2500}, {"Residential", 3000}, {"River", 2500}, {"SeaLake", 3000}} {
		for i := 1; i <= class.n; i++ {
			all = append(all, record{md5.Sum(fmt.Appendf(nil, "train%s_%s_%d.jpg", class.name, class.name, i)), label})
		}
	}
	slices.SortFunc(all, func(a, b record) int { return bytes.Compare(a.digest[:], b.digest[:]) })
	folder = filepath.Join(t.TempDir(), "eurosat")
	expect.NoError(t, os.Mkdir(folder, 0o777))
	write = func(name string, labels []int) {
		var b strings.Builder
		for i, label := range labels {
			fmt.Fprintf(&b, "images/%s/%06d.jpg %d\n", name, i, label)
		}
		expect.NoError(t, os.WriteFile(filepath.Join(folder, name+".txt"), []byte(b.String()), 0o666))
	}
	lists = map[string][]int{}
	for name, slice := range map[string][2]int{"train800": {0, 800}, "val200": {16200, 16400}, "test": {21600, 27000}} {
		for _, r := range all[slice[0]:slice[1]] {
			lists[name] = append(lists[name], r.label)
		}
	}
	if read != nil {
		stored := lists["test"]
		lists["test"] = nil
		for _, at := range read(len(stored)) {
			lists["test"] = append(lists["test"], stored[at])
		}
	}
	lists[joint] = slices.Concat(lists["train800"], lists["val200"])
	for name, labels := range lists {
		write(name, labels)
	}
	return folder, write, lists
}

// TestCopied judges data sets without a record by their lists.
func TestCopied(t *testing.T) {
	folder, write, lists := eurosat(t, nil)
	if word := Of(folder, "", "x"); word != "official lists, unverified pixels: a copy without prepare.json" {
		t.Errorf("official lists: %q", word)
	}
	for _, c := range []struct {
		list   string
		change func([]int) []int
		want   string
	}{
		{"test", func(l []int) []int { l[0], l[1] = l[1], l[0]; return l }, "not official: the labels of test.txt are not those of VTAB-1k"},
		{"val200", func(l []int) []int { return l[1:] }, "not official: val200.txt has 199 images, VTAB-1k's has 200"},
		{"test", func(l []int) []int { return append(l, 3) }, "not official: test.txt has 5401 images, VTAB-1k's has 5,400"},
		{joint, func(l []int) []int { l[0] = (l[0] + 1) % 10; return l }, "not official: train800val200.txt does not join"},
		{"train800", func(l []int) []int { l[5] = 10; return l }, "not official: "},
	} {
		write(c.list, c.change(slices.Clone(lists[c.list])))
		if word := Of(folder, "", "x"); !strings.HasPrefix(word, c.want) {
			t.Errorf("%s: %q, want %q", c.list, word, c.want)
		}
		write(c.list, lists[c.list])
	}
	if word := Of(folder, "resisc45", "x"); !strings.HasPrefix(word, "not official: test.txt has 5400 images") {
		t.Errorf("another task: %q", word)
	}
	expect.NoError(t, os.Remove(filepath.Join(folder, "val200.txt")))
	if word := Of(folder, "", "x"); !strings.HasPrefix(word, "unknown: there is no val200.txt") {
		t.Errorf("a list is missing: %q", word)
	}
	if word := Of(t.TempDir(), "eurosat", "x"); word != "" {
		t.Errorf("no lists: %q", word)
	}
}

// TestCopiedOrder: a copy may have its images in the order in which TFDS reads several shards. Of 8 shards, the test images lie in two.
func TestCopiedOrder(t *testing.T) {
	folder, _, _ := eurosat(t, func(n int) (order []int) {
		const second = 23625 - 21600 // 7/8 of 27,000
		a, b := 0, second
		for a < second || b < n {
			for range min(16, second-a) {
				order = append(order, a)
				a++
			}
			for range min(16, n-b) {
				order = append(order, b)
				b++
			}
		}
		return order
	})
	if word := Of(folder, "", "x"); !strings.HasPrefix(word, Unverified) {
		t.Errorf("read from 8 shards: %q", word)
	}
}

// TestCopiedReal judges copies of real data: one with the official lists, and two with lists of their own.
func TestCopiedReal(t *testing.T) {
	root := need.Shared(t, "vtab-1k")
	for task, want := range map[string]string{
		"eurosat": "official lists, unverified pixels: a copy without prepare.json", "caltech101": "not official: test.txt has 2000 images",
		"cifar": "unknown: a copy without prepare.json, with lists of the right sizes",
	} {
		if word := Of(filepath.Join(root, task), "", "x"); !strings.HasPrefix(word, want) {
			t.Errorf("%s: %q, want %q", task, word, want)
		}
	}
}

// TestReading compares with the order in which TFDS reads slices of several shards.
func TestReading(t *testing.T) {
	got := reading(423, 4, 0, 200) // KITTI's validation images, whose published order has 0 to 15, 106 to 121, 16 to 31
	if len(got) != 200 || got[15] != 15 || got[16] != 106 || got[31] != 121 || got[32] != 16 {
		t.Errorf("KITTI: %v", got)
	}
	var v struct {
		Shards struct {
			Read []struct {
				N, Shards int
				Slices    [][2]int
				Positions []int
			}
		}
	}
	raw, err := os.ReadFile(need.Shared(t, "reference", "vtab_order_vectors.json"))
	expect.NoError(t, err)
	expect.NoError(t, json.Unmarshal(raw, &v))
	for _, c := range v.Shards.Read {
		if len(c.Slices) == 1 && !slices.Equal(reading(c.N, c.Shards, c.Slices[0][0], c.Slices[0][1]), c.Positions) {
			t.Errorf("%d records in %d shards: another order", c.N, c.Shards)
		}
	}
}

// TestVectors compares official.csv with the digests of another program.
func TestVectors(t *testing.T) {
	raw, err := os.ReadFile(need.Shared(t, "reference", "vtab_order_vectors.json"))
	expect.NoError(t, err)
	var v struct {
		Datasets map[string]map[string]json.RawMessage
	}
	expect.NoError(t, json.Unmarshal(raw, &v))
	names := map[string]string{"cifar": "cifar100", "svhn": "svhn_cropped", "diabetic_retinopathy": "diabetic_retinopathy_detection/btgraham-300"}
	compared := 0
	for task, lists := range official() {
		dataset := names[task]
		if dataset == "" {
			dataset = task
		}
		for _, prefix := range []string{"clevr", "dsprites", "smallnorb"} {
			if strings.HasPrefix(task, prefix) {
				dataset = prefix
			}
		}
		for _, l := range lists {
			var want struct {
				Count  int
				SHA256 string
			}
			if raw, ok := v.Datasets[dataset][l.name]; ok {
				expect.NoError(t, json.Unmarshal(raw, &want))
				compared++
				if l.images != want.Count || l.keys != want.SHA256 {
					t.Errorf("%s, %s: %d images, %s; want %d, %s", task, l.name, l.images, l.keys, want.Count, want.SHA256)
				}
			} else if l.keys != "" {
				t.Errorf("%s, %s: a digest that no vector has", task, l.name)
			}
		}
	}
	if len(official()) != 18 || compared != 51 {
		t.Errorf("%d tasks, %d lists compared; want 18 and 51", len(official()), compared)
	}
}

// TestQuality compares with the tables that Pillow 13.0.0 writes, and looks at files.
func TestQuality(t *testing.T) {
	for quality, table := range map[int]string{
		30: "1b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a7190735b5d85b586909ea3abadab6780bcc9baa6c799a8aba4",
		72: "090607080706090807080a0a090b0d160f0d0c0c0d1b14151016201d2222201d1f1f2428342c242631271f1f2d3d2d3135373a3a3a232b3f443f384334393a37",
		75: "080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432",
		95: "0201010101010201010102020202020403020202020504040304060506060605060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0a",
	} {
		raw, err := hex.DecodeString(table)
		expect.NoError(t, err)
		if got := qualityOfTable([64]byte(raw)); got != quality {
			t.Errorf("quality %d, want %d", got, quality)
		}
	}
	folder := t.TempDir()
	var items []data.Item
	add := func(quality int) {
		var b bytes.Buffer
		img := image.NewRGBA(image.Rect(0, 0, 8, 8))
		if quality < 0 {
			expect.NoError(t, png.Encode(&b, img))
		} else {
			expect.NoError(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}))
		}
		path := filepath.Join(folder, fmt.Sprint(len(items)))
		expect.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
		items = append(items, data.Item{Path: path})
	}
	for _, c := range []struct {
		task        string
		qualities   []int
		other, hint string
	}{
		{"cifar", []int{75, 75}, "stored as JPEG of quality 75, the source is lossless", ""},
		{"cifar", []int{-1, 60}, "stored as JPEG, the source is lossless", ""},
		{"cifar", []int{-1, -1}, "", ""},
		{"dtd", []int{75, 75}, "", "all of 2 images are JPEG of quality 75, as in the widely shared copy"},
		{"dtd", []int{75, 90}, "", ""},
		{"sun397", []int{75, 75}, "stored as JPEG of quality 75, TFDS stores JPEG of quality 95", ""},
		{"sun397", []int{95, 95}, "", ""},
		{"diabetic_retinopathy", []int{-1, -1}, "stored as another format, TFDS stores JPEG of quality 72", ""},
	} {
		items = nil
		for _, quality := range c.qualities {
			add(quality)
		}
		if other, hint := pixelsOf(c.task, items); other != c.other || hint != c.hint {
			t.Errorf("%s %v: %q and %q, want %q and %q", c.task, c.qualities, other, hint, c.other, c.hint)
		}
	}
}
