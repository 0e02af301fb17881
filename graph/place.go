package graph

import (
	"fmt"
	"slices"
	"strings"

	"dtl-tf/graph/tensor"
)

// Place is a device of a session by its TensorFlow name, such as /device:CPU:1 or /job:worker/task:2/device:GPU:0. "" leaves the
// choice to TensorFlow.
type Place string

// On returns a Builder that places its nodes on a device. It has constants of its own there, so that no step sends them from one
// device to another.
func (b *Builder) On(p Place) *Builder {
	c := *b
	c.device = p
	return &c
}

// Place is the device on which b places its nodes.
func (b *Builder) Place() Place { return b.device }

// Task is the process that the device belongs to, such as /job:worker/task:2, "" for this process.
func (p Place) Task() string {
	task, _, _ := strings.Cut(string(p), "/device:")
	return task
}

// Kind is the kind of the device.
func (p Place) Kind() Device {
	if strings.Contains(string(p), "/device:GPU:") {
		return GPU
	}
	return Processor
}

// Device is the name within the process, such as /device:CPU:0.
func (p Place) Device() string { return strings.TrimPrefix(string(p), p.Task()) }

// Short is the name as users type it, such as gpu:1. The task of another process precedes it, such as worker:2/gpu:1.
func (p Place) Short() string {
	_, device, _ := strings.Cut(string(p), "/device:")
	device = strings.ToLower(device)
	if task := p.Task(); task != "" {
		var job, index string
		for part := range strings.SplitSeq(task, "/") {
			if name, found := strings.CutPrefix(part, "job:"); found {
				job = name
			} else if n, found := strings.CutPrefix(part, "task:"); found {
				index = n
			}
		}
		return fmt.Sprintf("%s:%s/%s", job, index, device)
	}
	return device
}

// SharesMemory tells whether two devices read each other's values without a copy: processors of one process.
func (p Place) SharesMemory(q Place) bool {
	return p == q || p.Kind() == Processor && q.Kind() == Processor && p.Task() == q.Task()
}

// Sum is the sum of values of one shape, added in order on the device of b. It has no gradient.
func (b *Builder) Sum(values ...Value) Value {
	b = b.In("sum")
	sum := Detach(values[0])
	for _, v := range values[1:] {
		sum = b.plus(sum, Detach(v))
	}
	return sum
}

// Flatten is values of type float32 one after another in one vector, so that they reach another device in one message. It has no
// gradient.
func (b *Builder) Flatten(values []Value) Value {
	flat := make([]Value, len(values))
	for i, v := range values {
		flat[i] = b.reshape(b.widen(v), tensor.Size(v.Shape))
	}
	return b.In("flatten").concat(0, flat...)
}

// Mirror returns the variables, which b reads on its device, as another device sees them: with leaves of their own on the tape, whose
// values arrive there in one message.
func (vs *Variables) Mirror(b, there *Builder) *Variables {
	b, there = b.outside().In("mirror"), there.outside().In("mirror")
	values, shapes := make([]Value, len(vs.list)), make([][]int, len(vs.list))
	for i, v := range vs.list {
		values[i], shapes[i] = Value{Output: v.read, Shape: v.Shape}, v.Shape
	}
	mirror := NewVariables()
	for i, value := range there.Unflatten(b.Flatten(values), shapes) {
		v := *vs.list[i]
		v.Value = there.Leaf(there.cast(value, v.dtype))
		mirror.add(&v)
	}
	return mirror
}

// Unflatten is the inverse of Flatten: values of the given shapes.
func (b *Builder) Unflatten(flat Value, shapes [][]int) []Value {
	b = b.In("unflatten")
	values := make([]Value, len(shapes))
	from := 0
	for i, shape := range shapes {
		to := from + tensor.Size(shape)
		values[i] = b.reshape(b.slice(flat, 0, from, to), slices.Clone(shape)...)
		from = to
	}
	return values
}
