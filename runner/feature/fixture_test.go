package feature

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

const images = 10

// sums are the fingerprints of the images of all tests: twelve files, two of which are there twice.
func sums() [][sha256.Size]byte {
	var list [][sha256.Size]byte
	for i := range images + 2 {
		list = append(list, sha256.Sum256([]byte{byte(i % images)}))
	}
	return list
}

// notes collects what the user is told.
type notes struct {
	mu   sync.Mutex
	text strings.Builder
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(&n.text, format+"\n", args...)
}

// want checks that the notes hold each of the texts, and are empty where there is none. It forgets them.
func (n *notes) want(t *testing.T, texts ...string) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	got := n.text.String()
	n.text.Reset()
	if len(texts) == 0 && got != "" {
		t.Errorf("noted: %s", got)
	}
	for _, text := range texts {
		if !strings.Contains(got, text) {
			t.Errorf("the notes lack %q:\n%s", text, got)
		}
	}
}

// options are those of a cache of two values in a folder.
func options(dir string) (Options, *notes) {
	n := new(notes)
	return Options{
		Dir:      dir,
		Key:      Key{Backbone: "b", Architecture: "a", Std: [3]float64{1, 1, 1}, ImageSize: 8, Preprocessing: "p", Computed: graph.FP32, Stored: graph.FP32},
		Versions: Versions{Program: "v1", LibTensorFlow: "2.18"}, About: About{Backbone: "bb", Data: "dd"},
		Values: []Value{{"x_00", []int{3, 5}}, {"x_01", []int{1500}}},
		Note:   n.add, Wait: 100 * time.Millisecond,
	}, n
}

// number is element e of value v of the image in a row: exact in bfloat16.
func number(v Value, row, e int) float32 {
	return float32(len(v.Name)+row*8) + float32(e%5)/8 + float32(v.Name[len(v.Name)-1]-'0')/4
}

// compute are the values of rows, in the order of the options.
func compute(o Options, rows ...int) []tensor.Tensor {
	var list []tensor.Tensor
	for _, v := range o.Values {
		var data []float32
		for _, row := range rows {
			for e := range int(v.elements()) {
				data = append(data, number(v, row, e))
			}
		}
		list = append(list, tensor.Must(data, append([]int{len(rows)}, v.Shape...)...))
	}
	return list
}

func open(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), o, NewImages(sums()))
	expect.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// fill writes what a store lacks, without the rows in bad.
func fill(t *testing.T, s *Store, bad ...int) {
	t.Helper()
	w, err := s.Writer(context.Background())
	expect.NoError(t, err)
	if w == nil {
		t.Fatal("there is nothing to write")
	}
	defer w.Close()
	for first := 0; first < images; first += 4 {
		var rows []int
		for row := first; row < min(first+4, images); row++ {
			if !slices.Contains(bad, row) {
				rows = append(rows, row)
			}
		}
		expect.NoError(t, w.Write(rows, compute(s.options, rows...)))
	}
	expect.NoError(t, w.Commit())
}

// filled is a complete cache in a fresh folder, closed.
func filled(t *testing.T) (Options, *notes, string) {
	t.Helper()
	o, n := options(filepath.Join(t.TempDir(), "caches"))
	s := open(t, o)
	fill(t, s)
	expect.NoError(t, s.Close())
	n.want(t, "feature cache: 10 images x 6.1 kB = 61 kB in "+o.Dir)
	return o, n, s.Folder()
}

// complete checks that a store lacks nothing and holds the right numbers.
func complete(t *testing.T, s *Store) {
	t.Helper()
	if m := s.Missing(); len(m) != 0 {
		t.Fatalf("missing: %v", m)
	}
	l := loader(t, s, 1, 1)
	seen := 0
	for b, err := range l.Epoch(context.Background(), 1, 0) {
		expect.NoError(t, err)
		check(t, s, b)
		seen += len(b.Indices)
	}
	if seen != images {
		t.Errorf("%d images, want %d", seen, images)
	}
}

// loader gives batches of size in a fixed order; the rows are those of the images in reverse.
func loader(t *testing.T, s *Store, size, last int) *Loader {
	t.Helper()
	var rows []int
	for row := range images {
		rows = append(rows, images-1-row)
	}
	l, err := s.Loader(rows, func(epoch int) ([][]int, error) {
		var order []int
		for i := range images {
			order = append(order, (i+epoch)%images)
		}
		return slices.Collect(slices.Chunk(order, size)), nil
	}, last)
	expect.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

// check holds a batch of loader against what was written.
func check(t *testing.T, s *Store, b *Batch) {
	t.Helper()
	for i, v := range s.options.Values {
		var data [][]byte
		switch rows := b.Values[i].Data.(type) {
		case tensor.Rows[float32]:
			data = rows
		case tensor.Rows[tensor.BFloat16]:
			data = rows
		}
		if want := append([]int{len(b.Indices)}, v.Shape...); !slices.Equal(b.Values[i].Shape, want) {
			t.Fatalf("shape %v, want %v", b.Values[i].Shape, want)
		}
		for k, index := range b.Indices {
			var want []float32
			for e := range int(v.elements()) {
				want = append(want, number(v, images-1-index, e))
			}
			if string(data[k]) != string(encode(nil, want, s.options.Key.Stored)) {
				t.Fatalf("value %s of image %d is not what was written", v.Name, index)
			}
		}
	}
}

// files lists a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	expect.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
