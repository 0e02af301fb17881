package order

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/need"
)

// The tests here follow the records through TFDS's shards, to compare with what TFDS reads. The lists that data prepare writes do
// not depend on shards: a slice has the same records whatever their number.

// bounds returns where k shards of n records begin, and the end.
func bounds(n, k int) []int {
	list := []int{0}
	for i := 1; i <= k; i++ {
		list = append(list, int(math.RoundToEven(float64(n*i)/float64(k))))
	}
	return list
}

// reading returns the positions of slices in the order in which TFDS reads them: up to 16 pieces are open, and 16 records of each
// are taken in turn.
func reading(n, k int, slices [][2]int) (order []int) {
	var waiting [][]int
	begin := bounds(n, k)
	for _, s := range slices {
		for shard := range k {
			var piece []int
			for at := max(s[0], begin[shard]); at < min(s[1], begin[shard+1]); at++ {
				piece = append(piece, at)
			}
			if piece != nil {
				waiting = append(waiting, piece)
			}
		}
	}
	var open [16][]int
	for left := 1; left > 0; {
		left = len(waiting)
		for i := range open {
			if len(open[i]) == 0 && len(waiting) > 0 {
				open[i], waiting = waiting[0], waiting[1:]
			}
			taken := min(16, len(open[i]))
			order = append(order, open[i][:taken]...)
			open[i] = open[i][taken:]
			left += len(open[i])
		}
	}
	return order
}

var sliceOf = regexp.MustCompile(`^([a-z]+)(?:\[(\d*)(%?):(\d*)(%?)\])?$`)

// parse reads "train[:800]+train[900:1100]".
func parse(t *testing.T, spec string, n int) (split string, list [][2]int) {
	t.Helper()
	for part := range strings.SplitSeq(spec, "+") {
		m := sliceOf.FindStringSubmatch(part)
		if m == nil {
			t.Fatalf("spec %q", spec)
		}
		at := func(text, percent string, otherwise int) int {
			if text == "" {
				return otherwise
			}
			v, _ := strconv.Atoi(text)
			if percent != "" {
				v = v * n / 100
			}
			return v
		}
		split = m[1] // that of the last part: specs of two splits are not compared
		list = append(list, [2]int{at(m[2], m[3], 0), at(m[4], m[5], n)})
	}
	return split, list
}

// TestShards compares the number of the shards, their bounds and the order of reading with TFDS.
func TestShards(t *testing.T) {
	raw, err := os.ReadFile(need.Shared(t, "reference", "vtab_order_vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Shards struct {
			Bounds []struct {
				N, Shards int
				Bounds    []int
			}
			Read []struct {
				N, Shards int
				Slices    [][2]int
				Positions []int
			}
		}
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Shards.Bounds) == 0 || len(v.Shards.Read) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Shards.Bounds {
		if got := bounds(c.N, c.Shards); !slices.Equal(got, c.Bounds) {
			t.Errorf("%d records in %d shards: %v, want %v", c.N, c.Shards, got, c.Bounds)
		}
	}
	for _, c := range v.Shards.Read {
		if got := reading(c.N, c.Shards, c.Slices); !slices.Equal(got, c.Positions) {
			t.Errorf("%v of %d records in %d shards: %v, want %v", c.Slices, c.N, c.Shards, got, c.Positions)
		}
	}
}

// TestFixtureShards compares every case of the fixture of a single split with the records that TFDS read from 1, 4 and 20 shards.
func TestFixtureShards(t *testing.T) {
	v := load(t)
	seen := 0
	for _, c := range v.Fixture.Cases {
		var keys []string
		for i := range v.Fixture.N {
			keys = append(keys, map[string]string{
				"int":  strconv.Itoa(i),
				"path": fmt.Sprintf("class_%d/image_%05d.jpg", i%7, i),
				"utf8": fmt.Sprintf("caf\u00e9 %d/\u6f22\u5b57_%d.png", i%5, i),
			}[c.Keys])
		}
		split, parts := parse(t, c.Spec, v.Fixture.N)
		if strings.Count(c.Spec, split) != strings.Count(c.Spec, "+")+1 {
			continue
		}
		indices, err := Keys(split, keys)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, at := range reading(v.Fixture.N, c.Shards, parts) {
			lines = append(lines, strconv.Itoa(indices[at]))
		}
		if len(lines) != c.Count || digest(lines) != c.SHA256 {
			t.Errorf("%s %s in %d shards: %d records with digest %s, want %d with %s", c.Keys, c.Spec, c.Shards, len(lines), digest(lines), c.Count, c.SHA256)
		}
		seen++
	}
	if seen != 45 {
		t.Errorf("%d cases, want 45", seen)
	}
}
