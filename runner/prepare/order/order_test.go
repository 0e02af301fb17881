package order

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/need"
)

// vectors has records that TFDS wrote and read back, and digests of VTAB-1k's lists.
type vectors struct {
	MD5 []struct {
		Split string
		Key   any
		Hex   string
	}
	Fixture struct {
		N     int
		Cases []struct {
			Keys   string
			Shards int
			Spec   string
			Count  int
			SHA256 string
			All    []int
		}
	}
	Datasets map[string]map[string]json.RawMessage
}

type list struct {
	Count  int
	First  []any
	SHA256 string
}

func load(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile(need.Shared(t, "reference", "vtab_order_vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// text formats a key or an index as in the vectors' digests.
func text(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.Itoa(int(f))
	}
	return v.(string)
}

func digest(lines []string) string {
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n") + "\n"))
	return hex.EncodeToString(sum[:])
}

func TestDigest(t *testing.T) {
	// By hand: printf train0 | md5sum
	if d := Of("train", "0"); hex.EncodeToString(d[:]) != "9318f9213195ac5c50b1ddb3c7d5aacd" {
		t.Errorf("train 0: %x", d)
	}
	for _, c := range load(t).MD5 {
		if d := Of(c.Split, text(c.Key)); hex.EncodeToString(d[:]) != c.Hex {
			t.Errorf("%s %v: %x, want %s", c.Split, c.Key, d, c.Hex)
		}
	}
}

// TestFixture compares with the order in which TFDS wrote 2,000 records, for three kinds of keys.
func TestFixture(t *testing.T) {
	v := load(t)
	seen := 0
	for _, c := range v.Fixture.Cases {
		if c.Shards != 1 {
			continue // the order of reading several files at once, not that of the records
		}
		split, from, to := c.Spec, 0, v.Fixture.N
		switch c.Spec {
		case "train":
		case "train[:800]":
			split, to = "train", 800
		case "test[50%:]":
			split, from = "test", 1000
		case "validation[:200]":
			split, to = "validation", 200
		default:
			continue // two pieces, read in turns
		}
		var keys []string
		for i := range v.Fixture.N {
			keys = append(keys, map[string]string{
				"int":  strconv.Itoa(i),
				"path": fmt.Sprintf("class_%d/image_%05d.jpg", i%7, i),
				"utf8": fmt.Sprintf("caf\u00e9 %d/\u6f22\u5b57_%d.png", i%5, i),
			}[c.Keys])
		}
		got, err := Keys(split, keys)
		if err != nil {
			t.Fatal(err)
		}
		if c.Keys == "int" && !slices.Equal(got, Rows(split, len(keys))) {
			t.Errorf("Rows of %s differ from Keys", split)
		}
		got = got[from:to]
		if c.All != nil && !slices.Equal(got, c.All) {
			t.Errorf("%s %s: the records are in another order", c.Keys, c.Spec)
		}
		var lines []string
		for _, i := range got {
			lines = append(lines, strconv.Itoa(i))
		}
		if len(got) != c.Count || digest(lines) != c.SHA256 {
			t.Errorf("%s %s: %d records with digest %s, want %d with %s", c.Keys, c.Spec, len(got), digest(lines), c.Count, c.SHA256)
		}
		seen++
	}
	if seen != 12 {
		t.Errorf("%d cases of the fixture were looked at, want 12", seen)
	}
}

// TestDatasets compares the lists of the data sets whose keys follow from counts.
func TestDatasets(t *testing.T) {
	v := load(t)
	eurosat := []string{}
	for class, n := range map[string]int{"AnnualCrop": 3000, "Forest": 3000, "HerbaceousVegetation": 3000, "Residential": 3000,
		"SeaLake": 3000, "Highway": 2500, "Industrial": 2500, "PermanentCrop": 2500, "River": 2500, "Pasture": 2000} {
		for i := range n {
			eurosat = append(eurosat, fmt.Sprintf("%s_%s_%d.jpg", class, class, i+1))
		}
	}
	rows := func(n int) (keys []string) {
		for i := range n {
			keys = append(keys, strconv.Itoa(i))
		}
		return keys
	}
	for _, c := range []struct {
		name, list, split string
		keys              []string
		from, to          int
	}{
		{"cifar100", "train800", "train", rows(50000), 0, 800},
		{"cifar100", "val200", "train", rows(50000), 45000, 45200},
		{"cifar100", "test", "test", rows(10000), 0, 10000},
		{"dsprites", "train800", "train", rows(737280), 0, 800},
		{"dsprites", "val200", "train", rows(737280), 589824, 590024},
		{"dsprites", "test", "train", rows(737280), 663552, 737280},
		{"smallnorb", "val200", "test", rows(24300), 0, 200},
		{"smallnorb", "test", "test", rows(24300), 12150, 24300},
		{"eurosat", "train800", "train", eurosat, 0, 800},
		{"eurosat", "val200", "train", eurosat, 16200, 16400},
		{"eurosat", "test", "train", eurosat, 21600, 27000},
	} {
		var want list
		if err := json.Unmarshal(v.Datasets[c.name][c.list], &want); err != nil {
			t.Fatalf("%s %s: %v", c.name, c.list, err)
		}
		indices, err := Keys(c.split, c.keys)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, i := range indices[c.from:c.to] {
			lines = append(lines, c.keys[i])
		}
		if len(lines) != want.Count || lines[0] != text(want.First[0]) || digest(lines) != want.SHA256 {
			t.Errorf("%s %s: begins with %s, digest %s; want %v, %s", c.name, c.list, lines[0], digest(lines), want.First[0], want.SHA256)
		}
	}
}

func TestEqualKeys(t *testing.T) {
	for _, keys := range [][]string{{"a", "b", "a"}, {`x\y`, "x/y"}} {
		if _, err := Keys("train", keys); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%q: %v", keys, err)
		}
	}
}
