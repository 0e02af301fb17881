package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// DefaultChunk is how many values, samples x tokens x width, the last region works on at a time: 4 samples of ViT-B/16. It is
// enough to keep matrix products of a processor near their ceiling, and few enough for what they need in between to be small.
const DefaultChunk = 800 * 768

// scratchBytes is the room that the backward pass of a block takes for each value of a chunk beside what is kept: with
// TensorFlow's ops, and with kernels. Measured on ViT-B/16 by the peaks of a step with chunks of 4 and 8 samples: 46 to 83 in
// float32, 48 to 65 in bfloat16, and 18 to 38 with kernels.
const scratchBytes, kernelScratchBytes = 84, 40

// region is a piece of the forward pass that works sample by sample. It runs in chunks of samples, one after the other,
// and its backward pass makes each chunk again from its input and from what Keep was told to hold.
type region struct {
	again *Gate   // nil in the first pass
	held  []Value // by Keep, in its order; the second pass takes them up in the same order
}

// Effort says what it takes to make a value of a region again.
type Effort int

const (
	// Cheap values come of element-wise work: softmax, GELU, LayerNorm.
	Cheap Effort = iota
	// Costly values come of products with weights.
	Costly
)

// Keep holds v over the forward pass of the region around it, if the value is worth it in the Builder's mode of
// recomputation. Outside of a region layers keep what they need by themselves.
func (b *Builder) Keep(v Value, effort Effort) Value {
	r := b.region
	switch {
	case r == nil || !b.keeps(effort):
		return v
	case r.again == nil:
		r.held = append(r.held, v)
		return v
	}
	kept := r.again.Kept(r.held[0])
	r.held = r.held[1:]
	kept.tape = v.tape
	return kept
}

// keeps tells whether the mode of recomputation holds values of that effort.
func (b *Builder) keeps(effort Effort) bool {
	switch b.recompute {
	case KeepAll:
		return true
	case RecomputeActivations:
		return effort == Costly
	}
	return false
}

// Region is fn(inputs), where fn works on each sample by itself: inputs [B, ...] of one B, of which the first alone may
// have a gradient, and a result [B, ...]. What else fn uses must not depend on the batch, such as weights. fn is called
// several times and must build the same nodes each time.
//
// Keeps the first input, and of what fn makes only what it passes to Keep. The rest is made again in the backward pass,
// chunk by chunk, so that the room that the backward pass takes shrinks with the chunk.
//
// later measures the regions that follow in the forward pass, in multiples of what this one saves. Their saved activations do not
// exist yet when this region runs forward and are freed before its backward pass, so it may use that memory for larger
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
	case whole.tape == nil, inputs[0].Shape[0] == Unknown:
		return whole
	case b.recompute == KeepAll && (inputs[0].tape == nil || trainsInside(whole.tape, inputs[0].tape, start)):
		// PyTorch keeps the input of every layer that trains; so does the plain tape.
		return whole
	}
	saved := 0
	for _, v := range append(trial.region.held, inputs[0]) {
		saved += b.bytes(v)
	}
	room := int(later * float64(saved))
	widest := whole
	if inputs[0].Width() > whole.Width() {
		widest = inputs[0]
	}
	return b.chunked(inputs, b.chunks(widest, room), fn) // TensorFlow drops the nodes of whole, which nobody reads
}

// bytes is the size of a value that is float32 or of the precision of products.
func (b *Builder) bytes(v Value) int {
	if v.DataType() == tf.Float {
		return tensor.Size(v.Shape) * FP32.Bytes()
	}
	return tensor.Size(v.Shape) * b.precision.Bytes()
}

// trainsInside tells whether y, made after start, depends on trainable values otherwise than through x.
func trainsInside(y, x *record, start int) bool {
	byX := reachable(x, 0)
	for _, r := range reachable(y, 0) {
		if !slices.Contains(byX, r) && (r.back == nil || r.order <= start) {
			return true
		}
	}
	return false
}

// chunk is a part of the samples of a region, with what Keep held of it.
type chunk struct {
	from, to int
	held     []Value
}

// chunks divides the samples of x [B, ..., d], what is widest of a region, evenly. They may be larger than usual by what room, in
// bytes, allows.
func (b *Builder) chunks(x Value, room int) []chunk {
	samples, scratch := x.Shape[0], scratchBytes
	if b.hasKernels() {
		scratch = kernelScratchBytes
	}
	each := max(1, (b.chunkValues+room/scratch)/tensor.Size(x.Shape[1:]))
	n := (samples + each - 1) / each
	list := make([]chunk, n)
	for i := range list {
		list[i] = chunk{from: i * samples / n, to: (i + 1) * samples / n}
	}
	return list
}

// sliceAll cuts the samples of a chunk out of the inputs.
func (c chunk) sliceAll(b *Builder, inputs []Value) []Value {
	parts := make([]Value, len(inputs))
	for i, in := range inputs {
		parts[i] = b.slice(in, 0, c.from, c.to)
	}
	return parts
}

// chunked is the region in chunks. Each waits for the one before it, or TensorFlow might do all at once.
func (b *Builder) chunked(inputs []Value, list []chunk, fn func(b *Builder, inputs []Value) Value) Value {
	x := inputs[0]
	var whole Value
	var outer []*record // what fn takes a gradient to besides x
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
		c.held = inner.region.held
		outer = outside(y.tape, start)
		whole = b.place(whole, y, *c, x.Shape[0])
		wait = b.After(whole.Op)
	}
	tapes := []Value{x}
	for _, r := range outer {
		tapes = append(tapes, Value{tape: r})
	}
	return b.differentiable(whole, tapes, func(g *Gate, dy Value) []Value {
		// A concatenation holds its parts twice in the end, but by then what was kept of the chunks is gone.
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

// place writes the part of a chunk into the value of all samples, which is made with the first one. With a concatenation the parts
// would wait for each other, and be there twice in the end, when most is kept.
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

// backward makes a chunk again when its gradient dy arrives, and returns the gradients of its part of x and, by
// record, of everything outside.
func (c chunk) backward(g *Gate, dy Value, inputs []Value, fn func(b *Builder, inputs []Value) Value) (Value, map[*record]Value) {
	again := &Gate{Builder: g.In("again"), trigger: dy.Op}
	inner := *again.Builder
	inner.region = &region{again: again, held: c.held}
	start := g.records
	kept := make([]Value, len(inputs))
	for i, in := range inputs {
		kept[i] = again.Kept(in)
	}
	parts := c.sliceAll(again.Builder, kept)
	if inputs[0].tape != nil {
		parts[0] = again.Leaf(parts[0])
	}
	gradients := g.propagate(fn(&inner, parts), dy, start)
	return gradients[parts[0].tape], gradients
}

// outside lists the records from which y was made directly and that are not younger than start, oldest first.
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

// plus is x + y, either of which may be the zero Value.
func (b *Builder) plus(x, y Value) Value {
	switch {
	case !x.Defined():
		return y
	case !y.Defined():
		return x
	}
	return b.sum(x, y)
}
