package data

import (
	"bytes"
	"fmt"
	"testing"
)

// TestFlipCrop compares with the plain definition: mirror the zero-padded image or not, cut size x size out of it.
func TestFlipCrop(t *testing.T) {
	const size, pad = 16, 2
	src := make([]uint8, size*size*3)
	for i := range src {
		src[i] = uint8(i%251 + 1)
	}
	at := func(y, x, c int) uint8 {
		if y < 0 || x < 0 || y >= size || x >= size {
			return 0
		}
		return src[(y*size+x)*3+c]
	}
	want := map[string]string{} // pixels -> what was done
	for flip := range 2 {
		for dy := -pad; dy <= pad; dy++ {
			for dx := -pad; dx <= pad; dx++ {
				out := make([]uint8, 0, len(src))
				for y := range size {
					for x := range size {
						sx := x + dx
						if flip == 1 {
							sx = size - 1 - x + dx
						}
						out = append(out, at(y+dy, sx, 0), at(y+dy, sx, 1), at(y+dy, sx, 2))
					}
				}
				want[string(out)] = fmt.Sprint(flip, dy, dx)
			}
		}
	}
	seen := map[string]int{}
	dst := make([]uint8, len(src))
	for i := range uint64(2000) {
		flipCrop(dst, src, size, generator(i))
		what, ok := want[string(dst)]
		if !ok {
			t.Fatal("not a crop of the padded image")
		}
		seen[what]++
	}
	if len(seen) != 50 {
		t.Errorf("%d of 50 variants were seen", len(seen))
	}
	for what, n := range seen {
		if n < 15 || n > 75 { // 40 on average
			t.Errorf("variant %s came %d times of 2000", what, n)
		}
	}
}

// TestAugmentDepends checks that an image varies with seed, epoch and index, and with nothing else.
func TestAugmentDepends(t *testing.T) {
	run := func(seed uint64, workers, e int) []byte {
		l, _ := fakeLoader(t, 40, LoaderOptions{Batch: 40, Seed: seed, Workers: workers, Augment: AugmentFlipCrop})
		for b, err := range l.Epoch(t.Context(), e) {
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Clone(b.Images)
		}
		return nil
	}
	first := run(1, 1, 1)
	if !bytes.Equal(first, run(1, 5, 1)) {
		t.Error("the number of workers matters")
	}
	if bytes.Equal(first, run(1, 1, 2)) || bytes.Equal(first, run(2, 1, 1)) {
		t.Error("epoch or seed don't matter")
	}
}
