package data

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strings"
)

// stratified is images that stay together, with their classes.
type stratified struct {
	images  int
	classes []int
}

// stratify divides images of any number of classes, so that each part has its share of the images of each class, by iterative
// stratification (K. Sechidis, G. Tsoumakas and I. Vlahavas, On the stratification of multi-label data, ECML PKDD 2011): the class with
// the fewest images that are left comes first, and each of its images goes to the part that wants most images of the class, then to
// the one that wants most images at all. Images without a class count as a class of their own. shares are of the parts and sum to 1. A part
// whose share of a class is less than one image wants one, as far as the first part keeps one. stratify returns the part of each group.
func stratify(groups []stratified, classes int, shares []float64) []int {
	of := func(g stratified) []int {
		if len(g.classes) == 0 {
			return []int{classes}
		}
		return g.classes
	}
	left, images := make([]int, classes+1), 0 // groups that are left, by class
	count := make([]int, classes+1)           // images
	for _, g := range groups {
		images += g.images
		for _, class := range of(g) {
			left[class]++
			count[class] += g.images
		}
	}
	total := make([]float64, len(shares))
	wanted := make([][]float64, classes+1)
	for class := range wanted {
		wanted[class] = make([]float64, len(shares))
		rest := float64(count[class])
		for i := len(shares) - 1; i > 0; i-- {
			wanted[class][i] = min(max(shares[i]*float64(count[class]), 1), max(rest-1, 0))
			rest -= wanted[class][i]
		}
		wanted[class][0] = rest
	}
	for i, share := range shares {
		total[i] = share * float64(images)
	}
	part := slices.Repeat([]int{-1}, len(groups))
	for {
		rarest := -1
		for class, n := range left {
			if n > 0 && (rarest < 0 || n < left[rarest]) {
				rarest = class
			}
		}
		if rarest < 0 {
			return part
		}
		for at, g := range groups {
			if part[at] >= 0 || !slices.Contains(of(g), rarest) {
				continue
			}
			best := 0
			for i := range shares {
				if w, most := wanted[rarest][i], wanted[rarest][best]; w > most || w == most && total[i] > total[best] {
					best = i
				}
			}
			part[at] = best
			total[best] -= float64(g.images)
			for _, class := range of(g) {
				wanted[class][best] -= float64(g.images)
				left[class]--
			}
		}
	}
}

// divideSeveral assigns the items of a set of any number of classes to splits. Copies stay together, with the labels of the first.
func (s *Set) divideSeveral(items []Item, sums [][sha256.Size]byte, shares Shares, splits []string) error {
	for _, name := range s.ClassNames {
		if strings.Contains(name, labelSeparator) {
			return &DivisionError{fmt.Errorf("the label %s has a %s, which separates labels in the list of the splits: rename it, or give the table a column split", quoted(name), labelSeparator)}
		}
	}
	order := grouped(sums, shares.Seed)
	groups := make([]stratified, len(order))
	for i, group := range order {
		groups[i] = stratified{len(group), s.LabelSets[items[group[0]].Label]}
	}
	names, parts := []string{Train}, []float64{1 - shares.Val - shares.Test}
	for _, p := range []struct {
		split string
		share float64
	}{{Val, shares.Val}, {Test, shares.Test}} {
		if p.share > 0 {
			names, parts = append(names, p.split), append(parts, p.share)
		}
	}
	filled := map[string]int{}
	for i, part := range stratify(groups, s.Classes, parts) {
		for _, index := range order[i] {
			splits[index] = names[part]
		}
		filled[names[part]]++
	}
	for _, name := range names {
		if filled[name] == 0 {
			return &DivisionError{fmt.Errorf("%d different images are too few for the splits %s: add images", len(order), strings.Join(names, ", "))}
		}
	}
	return nil
}

// HoldoutSeveral is [Holdout] for items of a set of any number of classes: about fraction of each class is held.
func (s *Set) HoldoutSeveral(items []Item, fraction float64, seed uint64) (train, held []Item, err error) {
	if !(fraction > 0 && fraction < 1) { // also rejects NaN
		return nil, nil, fmt.Errorf("fraction to hold back is %v: want more than 0 and less than 1", fraction)
	}
	order := generator(streamHoldout, seed, math.MaxUint64).Perm(len(items))
	groups := make([]stratified, len(items))
	for i, at := range order {
		groups[i] = stratified{1, s.LabelSets[items[at].Label]}
	}
	part := make([]int, len(items))
	for i, p := range stratify(groups, s.Classes, []float64{1 - fraction, fraction}) {
		part[order[i]] = p
	}
	for i, item := range items {
		if part[i] == 1 {
			held = append(held, item)
		} else {
			train = append(train, item)
		}
	}
	if len(train) == 0 || len(held) == 0 {
		return nil, nil, fmt.Errorf("a fraction of %v of %d images leaves one part empty: use another one", fraction, len(items))
	}
	return train, held, nil
}

// LabelText is the labels of an item as in the column label of a table: the class, or any number of them.
func (s *Set) LabelText(item Item) string {
	if s.LabelSets == nil {
		return s.ClassName(item.Label)
	}
	var names []string
	for _, class := range s.LabelSets[item.Label] {
		names = append(names, s.ClassName(class))
	}
	slices.Sort(names)
	return strings.Join(names, labelSeparator)
}
