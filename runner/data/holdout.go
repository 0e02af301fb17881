package data

import (
	"fmt"
	"math"
)

// Holdout splits items into train and held. About fraction of each class is held, but never all of it. Both parts keep the order
// of items, and the same seed gives the same parts. It fails if the fraction is not between 0 and 1, or if nothing would be held.
func Holdout(items []Item, fraction float64, seed uint64) (train, held []Item, err error) {
	if !(fraction > 0 && fraction < 1) { // also rejects NaN
		return nil, nil, fmt.Errorf("fraction to hold back is %v: want more than 0 and less than 1", fraction)
	}
	classes := map[int][]int{} // indices by label
	for i, item := range items {
		classes[item.Label] = append(classes[item.Label], i)
	}
	isHeld := make([]bool, len(items))
	for label, indices := range classes {
		n := min(int(math.Round(fraction*float64(len(indices)))), len(indices)-1)
		r := generator(streamHoldout, seed, uint64(label))
		for _, k := range r.Perm(len(indices))[:n] {
			isHeld[indices[k]] = true
		}
	}
	for i, item := range items {
		if isHeld[i] {
			held = append(held, item)
		} else {
			train = append(train, item)
		}
	}
	if len(held) == 0 {
		return nil, nil, fmt.Errorf("a fraction of %v of %d images in %d classes holds nothing back: use a larger one",
			fraction, len(items), len(classes))
	}
	return train, held, nil
}
