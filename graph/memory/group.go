package memory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// Group is buffers that differ only in the block of the network they belong to.
type Group struct {
	Buffer     // Node has block_* for the number of the block; Bytes is the size of one
	Count  int `json:"count"`
}

// Total is the bytes of all buffers of the group.
func (g Group) Total() int64 { return g.Bytes * int64(g.Count) }

var blockNumber = regexp.MustCompile(`block_\d+`)

// Groups puts the buffers of the same layer of different blocks together, the largest groups first.
func Groups(buffers []Buffer) []Group {
	var list []Group
	at := map[string]int{}
	for _, b := range buffers {
		name := blockNumber.ReplaceAllString(b.Node, "block_*")
		key := fmt.Sprint(name, b.Op, b.Kind, b.Type, b.Shape, b.Bytes)
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			b.Node = name
			list = append(list, Group{Buffer: b})
		}
		list[i].Count++
	}
	slices.SortStableFunc(list, func(a, b Group) int { return cmp.Compare(b.Total(), a.Total()) })
	return list
}
