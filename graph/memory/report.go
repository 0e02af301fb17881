package memory

import "strings"

// Kind says what a buffer is for.
type Kind string

// The kinds of buffers.
const (
	// Activation is made by the forward pass, be it kept for the backward pass or in use for a moment.
	Activation Kind = "activation"
	// Gradient is made by the backward pass or by the optimizer's update: gradients of activations and of weights,
	// what is computed a second time, and the temporaries of all that.
	Gradient Kind = "gradient"
)

// Classify tells the kind by the name of the node that wrote the buffer: graph.Builder names every node of the
// backward pass below "backward/" and those of the update below "adamw/". Grappler adds to names but keeps these parts.
func Classify(node string) Kind {
	if strings.HasPrefix(node, "backward/") || strings.Contains(node, "/backward/") || strings.Contains(node, "adamw/") {
		return Gradient
	}
	return Activation
}

// Buffer is memory that was alive at the peak.
type Buffer struct {
	Node  string `json:"node"` // the last that wrote it: nodes often work in place
	Op    string `json:"op"`   // of that node, such as "MatMul"; fused ones as TensorFlow calls them
	Kind  Kind   `json:"kind"`
	Type  string `json:"type,omitempty"`  // of its elements, such as "float"; empty for a temporary
	Shape []int  `json:"shape,omitempty"` // of the output that lies in it; nil for a temporary
	Bytes int64  `json:"bytes"`
}

// Report is what a replay finds. All figures are bytes.
type Report struct {
	Peak   int64 // most bytes alive at once
	AtMost int64 // what Peak would be if in each microsecond all allocations came first

	// Activations and Gradients are the most bytes of each kind alive at once, at a moment of its own; at the
	// moment of Peak there were ActivationsAtPeak and GradientsAtPeak, which add up to it.
	Activations, Gradients             int64
	ActivationsAtPeak, GradientsAtPeak int64

	Left    int64    // still alive when the run was over: what it fetched
	Records int      // allocations and releases that were replayed
	Buffers []Buffer // alive at the peak, largest first
}
