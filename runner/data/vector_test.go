package data

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/jpeg"
)

// vector is one image of testdata with Pillow's result, made by scripts/make_image_vectors.py.
type vector struct {
	name    string
	content []byte
	Height  int   `json:"height"`
	Width   int   `json:"width"`
	Sizes   []int `json:"sizes"`
	rgb     []byte
	resized [][]byte // in the order of Sizes
}

func vectors(t testing.TB) []vector {
	t.Helper()
	expected, err := filepath.Glob("testdata/*.expect")
	if err != nil || len(expected) == 0 {
		t.Fatalf("no vectors in testdata: %v", err)
	}
	var out []vector
	for _, name := range expected {
		out = append(out, readVector(t, name))
	}
	return out
}

func readVector(t testing.TB, name string) vector {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r := bufio.NewReader(z)
	head, err := r.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	path := strings.TrimSuffix(name, filepath.Ext(name))
	v := vector{name: filepath.Base(path)}
	if err := json.Unmarshal(head, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	take := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return b
	}
	v.rgb = take(v.Height * v.Width * 3)
	for _, s := range v.Sizes {
		v.resized = append(v.resized, take(s*s*3))
	}
	if v.content, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return v
}

func decoder(t testing.TB) *jpeg.Decoder {
	t.Helper()
	d, err := jpeg.NewDecoder(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// difference counts values that differ and the largest difference.
func difference(t testing.TB, got, want []byte) (count, largest int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range got {
		d := int(got[i]) - int(want[i])
		if d < 0 {
			d = -d
		}
		if d > 0 {
			count++
		}
		largest = max(largest, d)
	}
	return count, largest
}
