package swin

// masked is the score of two patches that only the cyclic shift brought together (timm and Microsoft, swin_transformer.py).
const masked = -100

// windowOrder lists the patches of a side x side grid window by window, for windows of w x w patches on the grid rolled by
// (-shift, -shift): entry i is the index, before the roll, of the patch at place i. Within a window, as among windows, the order
// is row by row.
func windowOrder(side, w, shift int) []int {
	order := make([]int, 0, side*side)
	for top := 0; top < side; top += w {
		for left := 0; left < side; left += w {
			for i := range w * w {
				row, column := (top+i/w+shift)%side, (left+i%w+shift)%side
				order = append(order, row*side+column)
			}
		}
	}
	return order
}

// windowMasks are the masks [w*w, w*w] of all windows in the order of windowOrder: 0 between patches that are neighbours on the
// grid, masked between those that the roll brought together.
func windowMasks(side, w, shift int) []float32 {
	// Along an axis of the rolled grid there are three zones: the windows before the last, the rest of the last one, and what
	// the roll brought there.
	zone := func(i int) int {
		switch {
		case i < side-w:
			return 0
		case i < side-shift:
			return 1
		}
		return 2
	}
	zones := make([]int, 0, side*side)
	for top := 0; top < side; top += w {
		for left := 0; left < side; left += w {
			for i := range w * w {
				zones = append(zones, 3*zone(top+i/w)+zone(left+i%w))
			}
		}
	}
	masks := make([]float32, 0, side*side*w*w)
	for from := 0; from < len(zones); from += w * w {
		window := zones[from:][:w*w]
		for _, a := range window {
			for _, b := range window {
				if a == b {
					masks = append(masks, 0)
				} else {
					masks = append(masks, masked)
				}
			}
		}
	}
	return masks
}

// tableRows is the number of relative positions in a window of w x w patches.
func tableRows(w int) int { return (2*w - 1) * (2*w - 1) }

// relativeIndex is the row of the table for each pair of patches in a window, [w*w, w*w]: that of the relative position of the
// first with respect to the second.
func relativeIndex(w int) []int {
	index := make([]int, 0, w*w*w*w)
	for i := range w * w {
		for j := range w * w {
			row, column := i/w-j/w+w-1, i%w-j%w+w-1
			index = append(index, row*(2*w-1)+column)
		}
	}
	return index
}
