package swin

import (
	"math"
	"testing"

	"dtl-tf/graph"
)

// TestWindows checks order and masks against the definition, place by place: roll the grid by (-shift, -shift), cut it into windows,
// and mask pairs of patches that are no neighbours on the original grid, i.e. that the roll moved across different edges.
func TestWindows(t *testing.T) {
	for _, c := range []struct{ side, w, shift int }{{4, 2, 0}, {4, 2, 1}, {8, 4, 2}, {14, 7, 3}, {7, 7, 0}, {6, 3, 1}} {
		order, masks := windowOrder(c.side, c.w, c.shift), windowMasks(c.side, c.w, c.shift)
		at := func(window, place int) (row, column int) { // on the rolled grid
			perSide := c.side / c.w
			return window/perSide*c.w + place/c.w, window%perSide*c.w + place%c.w
		}
		area := c.w * c.w
		seen := map[int]bool{}
		for i, token := range order {
			row, column := at(i/area, i%area)
			if want := (row+c.shift)%c.side*c.side + (column+c.shift)%c.side; token != want {
				t.Fatalf("%+v: place %d holds patch %d, want %d", c, i, token, want)
			}
			seen[token] = true
			if graph.Inverse(order)[token] != i {
				t.Fatalf("%+v: the inverse puts patch %d elsewhere than %d", c, token, i)
			}
		}
		if len(seen) != c.side*c.side {
			t.Fatalf("%+v: %d patches, want %d", c, len(seen), c.side*c.side)
		}
		if c.shift == 0 {
			continue
		}
		for window := range c.side * c.side / area {
			for i := range area {
				for j := range area {
					r1, c1 := at(window, i)
					r2, c2 := at(window, j)
					// Two patches of a window are neighbours unless the roll wrapped exactly one of them around an edge.
					wrapped := func(x int) bool { return x+c.shift >= c.side }
					want := float32(0)
					if wrapped(r1) != wrapped(r2) || wrapped(c1) != wrapped(c2) {
						want = -100
					}
					if got := masks[(window*area+i)*area+j]; got != want {
						t.Fatalf("%+v: window %d, places %d and %d: mask %v, want %v", c, window, i, j, got, want)
					}
				}
			}
		}
	}
}

// TestRelativeIndex: the relative position of two patches, in rows and columns, determines the row of the table and the reverse.
func TestRelativeIndex(t *testing.T) {
	const w = 3
	rows := map[[2]int]int{}
	for i, row := range relativeIndex(w) {
		a, b := i/(w*w), i%(w*w)
		offset := [2]int{a/w - b/w, a%w - b%w}
		if before, ok := rows[offset]; ok && before != row {
			t.Errorf("offset %v has rows %d and %d", offset, before, row)
		}
		rows[offset] = row
	}
	if len(rows) != tableRows(w) {
		t.Errorf("%d relative positions, want %d", len(rows), tableRows(w))
	}
	if rows[[2]int{-2, -2}] != 0 || rows[[2]int{-2, -1}] != 1 || rows[[2]int{2, 2}] != tableRows(w)-1 {
		t.Errorf("rows %v are not in the order of timm", rows)
	}
}

// TestGeometric: the outermost of the old positions lands on the edge of the new window as far as q allows.
func TestGeometric(t *testing.T) {
	places := geometric(6, 11) // a window of 7, resampled to 12
	if len(places) != 13 || places[6] != 0 || places[7] != 1 || places[5] != -1 {
		t.Fatalf("places %v", places)
	}
	if math.Abs(places[12]-11) > 1e-4 {
		t.Errorf("the outermost place is %v, want 11", places[12])
	}
}
