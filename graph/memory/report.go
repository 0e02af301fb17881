package memory

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kind says what a buffer is for.
type Kind string

// The kinds of buffers.
const (
	// Activation buffers are written by the forward pass, whether saved for the backward pass or short-lived.
	Activation Kind = "activation"
	// Gradient buffers are written by the backward pass or the optimizer's update: gradients of activations and of weights,
	// recomputed activations, and temporaries.
	Gradient Kind = "gradient"
)

// classify derives the kind from the name of the node that wrote the buffer. graph.Builder puts the nodes of the backward
// pass below "backward/" and those of the update below "adamw/". Grappler extends names but preserves these parts.
func classify(node string) Kind {
	if strings.HasPrefix(node, "backward/") || strings.Contains(node, "/backward/") || strings.Contains(node, "adamw/") {
		return Gradient
	}
	return Activation
}

// Buffer is a buffer that was live at the peak.
type Buffer struct {
	Node  string `json:"node"` // the last to write it: nodes often work in place
	Op    string `json:"op"`   // of that node, such as "MatMul"; fused ops under TensorFlow's names
	Kind  Kind   `json:"kind"`
	Type  string `json:"type,omitempty"`  // of the elements, such as "float"; empty for a temporary
	Shape []int  `json:"shape,omitempty"` // of the output in the buffer; nil for a temporary
	Bytes int64  `json:"bytes"`
}

// Report is the result of a replay. All figures but Records are bytes.
type Report struct {
	Peak   int64 // the most live bytes at any moment
	AtMost int64 // an upper bound of the peak: all allocations of a microsecond before its releases

	// Activations and Gradients are the peaks of each kind, which need not coincide with Peak. ActivationsAtPeak and
	// GradientsAtPeak are the bytes of each kind at Peak and add up to it.
	Activations, Gradients             int64
	ActivationsAtPeak, GradientsAtPeak int64

	Left    int64    // live after the run: the fetched values
	Records int      // number of events replayed
	Buffers []Buffer // live at the peak, largest first
}

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
