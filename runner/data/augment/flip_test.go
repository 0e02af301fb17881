package augment

import (
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
	for i := range uint64(2000) {
		m := Image{append([]uint8(nil), src...), size, size}
		dst := Policy{FlipCrop: true}.Apply(m, make([]uint8, len(src)), [3]uint8{}, generator(i))
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

// TestFlip mirrors, for even and odd widths.
func TestFlip(t *testing.T) {
	for _, width := range []int{1, 4, 5} {
		m := drawn(3, width, "noise")
		got := Policy{Flip: 1}.Apply(Image{append([]uint8(nil), m.Pix...), 3, width}, nil, [3]uint8{}, generator(1))
		for y := range 3 {
			for x := range width {
				for c := range 3 {
					if got[(y*width+x)*3+c] != m.Pix[(y*width+width-1-x)*3+c] {
						t.Fatalf("width %d: not mirrored at %d, %d", width, y, x)
					}
				}
			}
		}
	}
}
