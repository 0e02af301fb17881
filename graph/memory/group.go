package memory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// Group is a set of buffers that differ only in the block of the network to which they belong.
type Group struct {
	Buffer     // Node has block_* instead of the block's number; Bytes is the size of one buffer
	Count  int `json:"count"`
}

// Total is the size of all buffers of the group in bytes.
func (g Group) Total() int64 { return g.Bytes * int64(g.Count) }

var blockNumber = regexp.MustCompile(`block_\d+`)

// Groups groups the buffers of the same layer across blocks, largest groups first.
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
