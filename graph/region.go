package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// DefaultChunk is the chunk size of the last region in values (samples x tokens x width): 4 samples of ViT-B/16. Large enough
// for near-peak GEMM throughput on a CPU, small enough to bound scratch memory.
const DefaultChunk = 800 * 768

// scratchBytes is the scratch memory that the backward pass of a block takes per value of a chunk, saved activations excluded:
// with TensorFlow's ops, and with our kernels. Measured on ViT-B/16 from the peaks of steps with chunks of 4 and 8 samples:
// 46 to 83 in float32, 48 to 65 in bfloat16, 18 to 38 with kernels.
const scratchBytes, kernelScratchBytes = 84, 40

// region is the state of one pass over a stretch of the network that treats each sample independently. The stretch runs one
// chunk of samples at a time; its backward pass recomputes each chunk from the chunk's input and the activations that Save
// stored.
type region struct {
	recompute *Gate   // set in the recompute pass, nil in the forward pass
	saved     []Value // stored by Save in the forward pass; the recompute pass takes them in the same order
}

// Effort is the cost of recomputing a value of a region.
type Effort int

const (
	// Cheap values come from element-wise or row-wise work: softmax, GELU, LayerNorm.
	Cheap Effort = iota
	// Costly values come from matrix products with weights.
	Costly
)

// Save marks v, computed inside a region, as an activation worth saving at that effort. If the Recompute mode saves it, the
// forward pass stores it and the recompute pass reads the stored value instead of computing v. Outside of a region Save does
// nothing: there each layer saves what its own backward pass needs.
func (b *Builder) Save(v Value, effort Effort) Value {
	r := b.region
	switch {
	case r == nil, b.recompute == RecomputeBlocks, b.recompute == RecomputeActivations && effort == Cheap:
		return v
	case r.recompute == nil:
		r.saved = append(r.saved, v)
		return v
	}
	saved := r.recompute.Saved(r.saved[0])
	r.saved = r.saved[1:]
	saved.tape = v.tape
	return saved
}

// Region is fn(inputs) with activation recompute. All inputs are [B, ...] with the same B; only the first may have a gradient.
// The result is [B, ...]. fn must treat samples independently, and whatever else it uses, such as weights, must not depend on
// the batch. fn is called several times and must build the same nodes each time.
//
// A region saves its first input and the values that fn passes to Save. The backward pass recomputes the rest chunk by chunk,
// so its scratch memory shrinks with the chunk.
//
// later counts the regions that follow in the forward pass, in multiples of what this one saves. Their saved activations do
// not exist yet when this region runs forward and are freed before its backward pass, so it may use that memory for larger
// chunks, on which matrix products run faster.
func (b *Builder) Region(inputs []Value, later float64, fn func(b *Builder, inputs []Value) Value) Value {
	start := b.records
	if b.region != nil {
		return fn(b, inputs)
	}
	trial := *b
	trial.region = &region{}
	whole := fn(&trial, inputs)
	switch {
	case whole.tape == nil, inputs[0].Shape[0] == Unknown, b.recompute == RecomputeGELU2Bit:
		return whole
	case b.recompute == RecomputeNone && (inputs[0].tape == nil || trainsInside(whole.tape, inputs[0].tape, start)):
		// PyTorch saves the input of every layer that trains; so does the plain tape.
		return whole
	}
	savedBytes := 0
	for _, v := range append(trial.region.saved, inputs[0]) {
		savedBytes += b.bytes(v)
	}
	spare := int(later * float64(savedBytes))
	largest := whole
	if tensor.Size(inputs[0].Shape[1:]) > tensor.Size(whole.Shape[1:]) {
		largest = inputs[0]
	}
	return b.chunked(inputs, b.chunks(largest, spare), fn) // nothing reads the trial's nodes, so TensorFlow prunes them
}

// bytes is the size of a value of type float32 or of the Builder's precision.
func (b *Builder) bytes(v Value) int {
	if v.DataType() == tf.Float {
		return tensor.Size(v.Shape) * FP32.Bytes()
	}
	return tensor.Size(v.Shape) * b.precision.Bytes()
}

// trainsInside tells whether y, computed after start, depends on a trainable value by a path that does not pass through x.
func trainsInside(y, x *record, start int) bool {
	throughX := reachable(x, 0)
	for _, r := range reachable(y, 0) {
		if !slices.Contains(throughX, r) && (r.back == nil || r.order <= start) {
			return true
		}
	}
	return false
}

// chunk is the samples from..to-1 of a region and the activations saved for them.
type chunk struct {
	from, to int
	saved    []Value
}

// chunks splits the samples of x [B, ...], the larger value at the region's ends, evenly. spare is memory in bytes by which
// the scratch memory of a chunk may exceed the usual.
func (b *Builder) chunks(x Value, spare int) []chunk {
	samples, scratch := x.Shape[0], scratchBytes
	if b.hasKernels() {
		scratch = kernelScratchBytes
	}
	each := max(1, (b.chunkValues+spare/scratch)/tensor.Size(x.Shape[1:]))
	n := (samples + each - 1) / each
	list := make([]chunk, n)
	for i := range list {
		list[i] = chunk{from: i * samples / n, to: (i + 1) * samples / n}
	}
	return list
}

// sliceAll takes the chunk's samples of every input.
func (c chunk) sliceAll(b *Builder, inputs []Value) []Value {
	parts := make([]Value, len(inputs))
	for i, in := range inputs {
		parts[i] = b.slice(in, 0, c.from, c.to)
	}
	return parts
}

// chunked runs the region chunk by chunk. Each chunk waits for the one before it; without that TensorFlow could run them all at
// once.
func (b *Builder) chunked(inputs []Value, list []chunk, fn func(b *Builder, inputs []Value) Value) Value {
	x := inputs[0]
	var whole Value
	var outer []*record // values besides x to which fn passes a gradient
	wait := b
	for i := range list {
		c := &list[i]
		inner := *b
		inner.region = &region{}
		start := b.records
		parts := c.sliceAll(wait, inputs)
		if x.tape != nil {
			parts[0] = b.Leaf(parts[0])
		}
		y := fn(&inner, parts)
		c.saved = inner.region.saved
		outer = outside(y.tape, start)
		whole = b.place(whole, y, *c, x.Shape[0])
		wait = b.After(whole.Op)
	}
	tapes := []Value{x}
	for _, r := range outer {
		tapes = append(tapes, Value{tape: r})
	}
	return b.differentiable(whole, tapes, func(g *Gate, dy Value) []Value {
		// Concatenating dx briefly holds it twice. That is no peak: by then the chunks' saved activations are freed.
		var dx []Value
		sums := make([]Value, len(outer))
		wait := g.Builder
		for _, c := range list {
			part, gradients := c.backward(g, wait.slice(dy, 0, c.from, c.to), inputs, fn)
			for i, r := range outer {
				sums[i] = g.plus(sums[i], gradients[r])
			}
			if x.tape != nil {
				dx = append(dx, part)
				wait = g.After(part.Op)
			} else {
				wait = g.After(sums[0].Op)
			}
		}
		if x.tape == nil {
			return sums
		}
		return append([]Value{g.concat(0, dx...)}, sums...)
	})
}

// place writes a chunk's result into the value of all samples, which the first chunk allocates. Concatenation would instead
// keep every part alive until the last one is done and then hold all of them twice, when saved activations are at their most.
func (b *Builder) place(whole, part Value, c chunk, samples int) Value {
	if c.from == 0 && c.to == samples {
		return Detach(part)
	}
	if !whole.Defined() {
		shape := append([]int{samples}, part.Shape[1:]...)
		whole = b.After(part.Op).node("Empty", shape, map[string]any{"dtype": part.DataType()}, b.ints(shape...).Output)
	}
	rows := make([]int, c.to-c.from)
	for i := range rows {
		rows[i] = c.from + i
	}
	return b.node("InplaceUpdate", whole.Shape, nil, whole.Output, b.ints(rows...).Output, part.Output)
}

// backward recomputes a chunk once its gradient dy has arrived. It returns the gradient of the chunk's part of x and, by
// record, the gradients of all values outside the region.
func (c chunk) backward(g *Gate, dy Value, inputs []Value, fn func(b *Builder, inputs []Value) Value) (Value, map[*record]Value) {
	start := g.records
	b := g.In("recompute")
	read, dy := b.separate(slices.Concat(inputs, c.saved), dy)
	recompute := &Gate{Builder: b, trigger: dy.Op}
	inner := *b
	inner.region = &region{recompute: recompute, saved: read[len(inputs):]}
	saved := make([]Value, len(inputs))
	for i, in := range read[:len(inputs)] {
		saved[i] = recompute.Saved(in)
	}
	parts := c.sliceAll(b, saved)
	if inputs[0].tape != nil {
		parts[0] = recompute.Leaf(parts[0])
	}
	gradients := g.propagate(fn(&inner, parts), dy, start)
	return gradients[parts[0].tape], gradients
}

// outside lists the records not younger than start that are direct inputs of the computation of y, oldest first.
func outside(y *record, start int) []*record {
	var list []*record
	for _, r := range reachable(y, start) {
		for _, in := range r.inputs {
			if in.order <= start && !slices.Contains(list, in) {
				list = append(list, in)
			}
		}
	}
	slices.SortFunc(list, func(a, b *record) int { return a.order - b.order })
	return list
}

// plus is x + y, where the zero Value stands for zero.
func (b *Builder) plus(x, y Value) Value {
	switch {
	case !x.Defined():
		return y
	case !y.Defined():
		return x
	}
	return b.node("AddV2", x.Shape, nil, x.Output, y.Output)
}
