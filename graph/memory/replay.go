package memory

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// ErrNoRecords says that a trace holds no allocations: it was not made at FULL_TRACE, or XLA ran the graph.
var ErrNoRecords = errors.New("the trace holds no allocation records (XLA must be off)")

// GPU tells the allocators of a GPU's own memory from those of the host, "cpu", "mklcpu" and the pinned "gpu_host_bfc".
func GPU(allocator string) bool { return strings.HasPrefix(allocator, "GPU_") }

// Replay replays a traced run. count picks allocators by name; nil counts all of them.
func Replay(metadata *pb.RunMetadata, count func(allocator string) bool) (Report, error) {
	events := readTrace(metadata, count).events()
	if len(events) == 0 {
		return Report{}, ErrNoRecords
	}
	r := Report{Records: len(events)}
	r.AtMost = mostFirst(events)

	slices.SortStableFunc(events, inOrder)
	alive := map[Kind]int64{}
	kindOf := map[*buffer]Kind{}
	peakAt := -1
	for i, e := range events {
		kind := e.kind
		if e.step == release {
			kind = kindOf[e.buffer]
		}
		if e.step == rewrite {
			alive[kindOf[e.buffer]] -= e.buffer.bytes
		}
		kindOf[e.buffer] = kind
		if e.step == release {
			alive[kind] -= e.buffer.bytes
		} else {
			alive[kind] += e.buffer.bytes
		}
		r.Activations = max(r.Activations, alive[Activation])
		r.Gradients = max(r.Gradients, alive[Gradient])
		r.Left = alive[Activation] + alive[Gradient]
		if r.Left > r.Peak {
			r.Peak, peakAt = r.Left, i
			r.ActivationsAtPeak, r.GradientsAtPeak = alive[Activation], alive[Gradient]
		}
	}
	r.Buffers = atMoment(events[:peakAt+1])
	return r, nil
}

// step is what happens to a buffer.
type step int

const (
	allocate step = iota
	rewrite       // a node writes its result over its input, in the same buffer
	release
)

// event is one change at one time.
type event struct {
	at     int64 // microseconds
	step   step
	early  bool // a release of a buffer that was not allocated in the same microsecond
	node   int64
	buffer *buffer
	writer *node
	kind   Kind
}

// inOrder is the order of the replay (see the package comment): by time, releases of older buffers first, then
// by the start of the node that a record belongs to. Records of one node keep their order, the sort being stable.
func inOrder(a, b event) int {
	if c := cmp.Compare(a.at, b.at); c != 0 {
		return c
	}
	if a.early != b.early {
		if a.early {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.node, b.node)
}

// mostFirst is the peak if in each microsecond all allocations came before all releases.
func mostFirst(events []event) int64 {
	events = slices.Clone(events)
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step))
	})
	alive, peak := int64(0), int64(0)
	for _, e := range events {
		switch e.step {
		case allocate:
			alive += e.buffer.bytes
		case release:
			alive -= e.buffer.bytes
		}
		peak = max(peak, alive)
	}
	return peak
}

// atMoment lists what is alive after the given events, largest first, and by name where sizes are the same.
func atMoment(events []event) []Buffer {
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
		out := Buffer{Node: w.name, Op: w.op, Kind: Classify(w.name), Bytes: b.bytes}
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
