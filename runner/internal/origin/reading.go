package origin

import (
	"math"
	"slices"
)

// TFDS stores a split in shards, and reads up to openPieces pieces of a slice at a time, readTogether records of each in turn.
const (
	openPieces   = 16
	readTogether = 16
	mostShards   = 1024
)

// reading returns the positions in the slice [first, end) of a split of n records in k shards, in the order in which TFDS reads them.
func reading(n, k, first, end int) (order []int) {
	bound := func(i int) int { return int(math.RoundToEven(float64(n) * float64(i) / float64(k))) }
	var waiting [][2]int
	for i := range k {
		if from, to := max(bound(i), first), min(bound(i+1), end); from < to {
			waiting = append(waiting, [2]int{from, to})
		}
	}
	var pieces [openPieces][2]int
	for i := 0; len(order) < end-first; i = (i + 1) % openPieces {
		p := &pieces[i]
		if p[0] == p[1] && len(waiting) > 0 {
			*p, waiting = waiting[0], waiting[1:]
		}
		for range min(readTogether, p[1]-p[0]) {
			order = append(order, p[0])
			p[0]++
		}
	}
	return order
}

// matches reports whether labels are those of an official list, in TFDS's order or in one in which TFDS reads its shards, whose number
// the copy does not tell.
func (l list) matches(labels []int) bool {
	if len(labels) != l.images {
		return false
	}
	if Digest(labels) == l.labels {
		return true
	}
	stored := make([]int, len(labels))
	for k := 2; k <= min(mostShards, l.records); k *= 2 {
		order := reading(l.records, k, l.first, l.first+l.images)
		if slices.IsSorted(order) { // a single piece
			continue
		}
		for i, at := range order {
			stored[at-l.first] = labels[i]
		}
		if Digest(stored) == l.labels {
			return true
		}
	}
	return false
}
