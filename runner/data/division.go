package data

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
)

// Shares are the parts of the training images that [Set.Divide] sets aside, each above 0 and below 1, or 0 for none.
type Shares struct {
	Val, Test float64
	Seed      uint64
}

// Division says how a set was divided.
type Division struct {
	Shares
	Images       map[string]int    // by split
	Fingerprints map[string]string // by split, of names and content; see Listing.Take
}

// Divide makes splits val and test of a data set that lacks them, from its training images.
//
// Each class gives its share, rounded to the nearest whole number, half up, but at least one image, and it keeps at least one.
// Files with the same content stay together, so a share may come out smaller by less than the copies of an image. Which images are
// taken depends on their content and the seed alone, not on names or places. Images of any number of classes are divided by iterative
// stratification, see stratify: a class may then give less than its share, or nothing if it has few images.
func (s *Set) Divide(ctx context.Context, shares Shares) (*Division, error) {
	if err := s.checkShares(shares); err != nil {
		return nil, &DivisionError{err}
	}
	items := s.splits[Train]
	sums, err := s.Sums(ctx, items)
	if err != nil {
		return nil, err
	}
	splits := make([]string, len(items))
	divide := s.divideClasses
	if s.LabelSets != nil {
		divide = s.divideSeveral
	}
	if err := divide(items, sums, shares, splits); err != nil {
		return nil, err
	}
	divided := map[string][]Item{}
	for i, item := range items {
		divided[splits[i]] = append(divided[splits[i]], item)
	}
	for _, split := range []string{Train, Val, Test} {
		if len(divided[split]) > 0 {
			s.splits[split] = divided[split]
		}
	}
	s.splits[TrainVal] = s.splits[Train]
	d := &Division{Shares: shares, Images: map[string]int{}, Fingerprints: map[string]string{}}
	for split, part := range divided {
		d.Images[split] = len(part)
		if d.Fingerprints[split], err = s.ContentOf(ctx, part); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// divideClasses assigns items, each of one class, to splits.
func (s *Set) divideClasses(items []Item, sums [][sha256.Size]byte, shares Shares, splits []string) error {
	var few []string
	need := 1
	for _, share := range []float64{shares.Val, shares.Test} {
		if share > 0 {
			need++
		}
	}
	classes := copies(items, sums, shares.Seed)
	for _, label := range slices.Sorted(maps.Keys(classes)) {
		if groups := classes[label]; len(groups) < need {
			few = append(few, fmt.Sprintf("%s (%d)", s.ClassName(label), len(groups)))
		}
	}
	if few != nil {
		return &DivisionError{fmt.Errorf("%d of %d classes have fewer than %d different images, and each split needs one: %s: add images to them or remove them",
			len(few), s.Classes, need, spell.Few(few, maxNames))}
	}
	for _, groups := range classes {
		divideClass(groups, splits, shares)
	}
	return nil
}

// DivisionError says that a division is impossible.
type DivisionError struct{ Err error }

// Error implements error.
func (e *DivisionError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *DivisionError) Unwrap() error { return e.Err }

// checkShares rejects shares that are impossible for the set.
func (s *Set) checkShares(shares Shares) error {
	for _, c := range []struct {
		split string
		share float64
	}{{Val, shares.Val}, {Test, shares.Test}} {
		switch {
		case c.share == 0:
		case !(c.share > 0 && c.share < 1): // also rejects NaN
			return fmt.Errorf("--%s %v is not possible: it must be above 0 and below 1", c.split, c.share)
		case len(s.splits[c.split]) > 0:
			return fmt.Errorf("--%s %v: data set %s has a split %s already: leave the flag out", c.split, c.share, s.Root, c.split)
		}
	}
	if shares.Val+shares.Test >= 1 {
		return fmt.Errorf("--val %v and --test %v leave nothing to train on: together they must be below 1", shares.Val, shares.Test)
	}
	if !s.Divisible() {
		return fmt.Errorf("--val and --test divide training images, and data set %s has other splits (%s)", s.Root, strings.Join(s.Splits(), ", "))
	}
	return nil
}

// Divisible tells whether a set has training images that Divide can divide: not those of lists of train and val and of their union.
func (s *Set) Divisible() bool {
	sameName := func(a, b Item) bool { return a.Name == b.Name }
	return len(s.splits[Train]) > 0 && slices.EqualFunc(s.splits[Train], s.splits[TrainVal], sameName)
}

// copies is grouped for each label. Files with the same content and different labels count for the first of them.
func copies(items []Item, sums [][sha256.Size]byte, seed uint64) map[int][][]int {
	classes := map[int][][]int{}
	for _, group := range grouped(sums, seed) {
		label := items[group[0]].Label
		classes[label] = append(classes[label], group)
	}
	return classes
}

// grouped groups the indices of items by content, in an order that seed and content decide.
func grouped(sums [][sha256.Size]byte, seed uint64) [][]int {
	at := map[[sha256.Size]byte]int{}
	var groups [][]int
	for i, sum := range sums {
		if _, known := at[sum]; !known {
			at[sum] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[sum]] = append(groups[at[sum]], i)
	}
	key := func(group []int) []byte {
		sum := sums[group[0]]
		draw := sha256.Sum256(binary.LittleEndian.AppendUint64(sum[:], seed))
		return draw[:]
	}
	slices.SortFunc(groups, func(a, b []int) int { return bytes.Compare(key(a), key(b)) })
	return groups
}

// divideClass assigns the groups of a class to splits.
func divideClass(groups [][]int, splits []string, shares Shares) {
	images := 0
	for _, group := range groups {
		images += len(group)
	}
	wanted := func(share float64, most int) int {
		if share == 0 {
			return 0
		}
		return min(max(int(math.Round(share*float64(images))), 1), most)
	}
	forVal := 0
	if shares.Val > 0 {
		forVal = 1
	}
	test := wanted(shares.Test, images-1-forVal)
	val := wanted(shares.Val, images-1-test)
	left := groups
	assign := func(split string, n, keep int) {
		var rest [][]int
		taken := 0
		for i, group := range left {
			if taken+len(group) > n || len(rest)+len(left)-i <= keep {
				rest = append(rest, group)
				continue
			}
			taken += len(group)
			for _, index := range group {
				splits[index] = split
			}
		}
		if n > 0 && taken == 0 { // every image has more copies than the share
			smallest := slices.MinFunc(rest, func(a, b []int) int { return cmp.Compare(len(a), len(b)) })
			at := slices.IndexFunc(rest, func(g []int) bool { return g[0] == smallest[0] })
			rest = slices.Delete(rest, at, at+1)
			for _, index := range smallest {
				splits[index] = split
			}
		}
		left = rest
	}
	assign(Test, test, 1+forVal)
	assign(Val, val, 1)
	for _, group := range left {
		for _, index := range group {
			splits[index] = Train
		}
	}
}

// ContentOf is the fingerprint (see [FingerprintOf]) of items by their names and content, whatever their labels' numbers.
func (s *Set) ContentOf(ctx context.Context, items []Item) (string, error) {
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Name, b.Name) })
	sums, err := s.Sums(ctx, items)
	if err != nil {
		return "", err
	}
	for i := range items {
		items[i].Label = 0
	}
	return FingerprintOf(items, sums), nil
}
