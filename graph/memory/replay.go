package memory

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// ErrNoRecords says that a trace has no allocation records: the run was not traced at FULL_TRACE, or XLA ran the graph.
var ErrNoRecords = errors.New("the trace holds no allocation records (XLA must be off)")

// GPU is true for allocators of GPU memory and false for those of the host: "cpu", "mklcpu" and the pinned "gpu_host_bfc".
func GPU(allocator string) bool { return strings.HasPrefix(allocator, "GPU_") }

// Replay replays a traced run. count selects allocators by name; nil selects all.
func Replay(metadata *pb.RunMetadata, count func(allocator string) bool) (Report, error) {
	events := readTrace(metadata, count).events()
	if len(events) == 0 {
		return Report{}, ErrNoRecords
	}
	r := Report{Records: len(events)}
	r.AtMost = peakAllocationsFirst(events)

	slices.SortStableFunc(events, compareEvents)
	live := map[Kind]int64{} // bytes
	kindOf := map[*buffer]Kind{}
	peakAt := -1
	for i, e := range events {
		kind := e.kind
		if e.step == release {
			kind = kindOf[e.buffer]
		}
		if e.step == rewrite {
			live[kindOf[e.buffer]] -= e.buffer.bytes
		}
		kindOf[e.buffer] = kind
		if e.step == release {
			live[kind] -= e.buffer.bytes
		} else {
			live[kind] += e.buffer.bytes
		}
		r.Activations = max(r.Activations, live[Activation])
		r.Gradients = max(r.Gradients, live[Gradient])
		r.Left = live[Activation] + live[Gradient]
		if r.Left > r.Peak {
			r.Peak, peakAt = r.Left, i
			r.ActivationsAtPeak, r.GradientsAtPeak = live[Activation], live[Gradient]
		}
	}
	r.Buffers = liveAfter(events[:peakAt+1])
	return r, nil
}

// step is what happens to a buffer.
type step int

const (
	allocate step = iota
	rewrite       // a node overwrites its input with its result
	release
)

// event is one change of one buffer.
type event struct {
	at     int64 // microseconds
	step   step
	early  bool  // a release of a buffer that was allocated in an earlier microsecond
	node   int64 // start of the node to which the record belongs
	buffer *buffer
	writer *node
	kind   Kind
}

// compareEvents is the order of the replay (see the package comment): by time, releases of older buffers first, then by the start
// of the node. The sort is stable, so records of one node stay in order.
func compareEvents(a, b event) int {
	order := func(e event) int {
		if e.early {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(order(a), order(b)), cmp.Compare(a.node, b.node))
}

// peakAllocationsFirst is the peak if all allocations of a microsecond precede its releases.
func peakAllocationsFirst(events []event) int64 {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step))
	})
	live, peak := int64(0), int64(0)
	for _, e := range events {
		switch e.step {
		case allocate:
			live += e.buffer.bytes
		case release:
			live -= e.buffer.bytes
		}
		peak = max(peak, live)
	}
	return peak
}

// liveAfter lists the buffers that are live after the given events, largest first, those of equal size by name.
func liveAfter(events []event) []Buffer {
	writers := map[*buffer]*node{}
	for _, e := range events {
		if e.step == release {
			delete(writers, e.buffer)
		} else {
			writers[e.buffer] = e.writer
		}
	}
	list := make([]Buffer, 0, len(writers))
	for b, w := range writers {
		out := Buffer{Node: w.name, Op: w.op, Kind: classify(w.name), Bytes: b.bytes}
		if d := w.outputIn(b); d != nil {
			out.Type = strings.ToLower(strings.TrimPrefix(d.GetDtype().String(), "DT_"))
			out.Shape = []int{}
			for _, dim := range d.GetShape().GetDim() {
				out.Shape = append(out.Shape, int(dim.GetSize()))
			}
		}
		list = append(list, out)
	}
	slices.SortFunc(list, func(a, b Buffer) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Node, b.Node))
	})
	return list
}
