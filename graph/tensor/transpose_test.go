package tensor

import (
	"slices"
	"testing"
)

// TestTranspose checks matrices of all sizes around the bands, the lanes and the limit above which several cores work.
func TestTranspose(t *testing.T) {
	for _, size := range [][2]int{{0, 3}, {3, 0}, {1, 1}, {1, 7}, {7, 1}, {7, 9}, {8, 64}, {9, 65}, {64, 8}, {65, 130}, {17, 200}, {300, 450}, {450, 300}, {2000, 70}, {70, 2000}, {131, 1009}} {
		rows, cols := size[0], size[1]
		m := Zeros(rows, cols)
		for i := range m.Float32() {
			m.Float32()[i] = float32(i)
		}
		got := Transpose(m, rows, cols)
		if !slices.Equal(got.Shape, []int{cols, rows}) {
			t.Fatalf("%v: shape %v", size, got.Shape)
		}
		for i, v := range got.Float32() {
			if want := float32(i%rows*cols + i/rows); v != want {
				t.Fatalf("%v: element %d is %v, want %v", size, i, v, want)
			}
		}
	}
}

// TestSwapLast checks that each matrix is transposed by itself.
func TestSwapLast(t *testing.T) {
	m := Zeros(2, 3, 9)
	for i := range m.Float32() {
		m.Float32()[i] = float32(i)
	}
	got := SwapLast(m, 2, 3, 9, []int{2, 9, 3})
	for i, v := range got.Float32() {
		if want := float32(i/27*27 + i%3*9 + i%27/3); v != want {
			t.Fatalf("element %d is %v, want %v", i, v, want)
		}
	}
}
