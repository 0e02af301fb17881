package tabulate

import (
	"cmp"
	"maps"
	"slices"

	"dtl-tf/dtl"
)

// Distinct returns the values that cells have, in order.
func Distinct[S any, T cmp.Ordered](cells []S, value func(S) T) []T {
	set := map[T]bool{}
	for _, c := range cells {
		set[value(c)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// Seeds returns the seeds of cells.
func Seeds[S Source](cells []S) []uint64 {
	return Distinct(cells, func(c S) uint64 { return c.File().Seed })
}

// Methods returns the methods of cells in the order of the papers' tables, then those that this program does not know.
func Methods[S Source](cells []S) []string {
	order := dtl.TableOrder()
	rank := func(method string) int {
		if i := slices.Index(order, method); i >= 0 {
			return i
		}
		return len(order)
	}
	list := Distinct(cells, func(c S) string { return c.File().Method })
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}
