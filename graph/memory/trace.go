package memory

import (
	"cmp"
	"slices"
	"strings"

	stats "github.com/wamuir/graft/tensorflow/core/framework/step_stats_go_proto"
	description "github.com/wamuir/graft/tensorflow/core/framework/tensor_description_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// node is one executed node with its outputs.
type node struct {
	name, op string
	start    int64 // nanoseconds
	outputs  []*stats.NodeOutput
	made     []*buffer
}

// buffer is one allocation.
type buffer struct {
	bytes               int64
	allocated, released int64  // microseconds; released is 0 if the buffer outlives the run
	address             uint64 // 0 for a temporary
}

// trace is all nodes of a run, in order of their start.
type trace struct {
	nodes   []*node
	records map[*node][][]event // allocations and releases by node and allocator, in order
}

func readTrace(metadata *pb.RunMetadata, count func(string) bool) *trace {
	t := &trace{records: map[*node][][]event{}}
	for _, device := range metadata.GetStepStats().GetDevStats() {
		if strings.Contains(device.GetDevice(), "/stream:") || strings.HasSuffix(device.GetDevice(), "/memcpy") {
			continue // the GPU tracer's view of the same nodes
		}
		for _, run := range device.GetNodeStats() {
			n := &node{name: run.GetNodeName(), op: operation(run), start: run.GetAllStartNanos(), outputs: run.GetOutput()}
			if n.start == 0 {
				n.start = run.GetAllStartMicros() * 1000
			}
			t.nodes = append(t.nodes, n)
			for _, used := range run.GetMemory() {
				if count == nil || count(used.GetAllocatorName()) {
					t.records[n] = append(t.records[n], n.read(used.GetAllocationRecords()))
				}
			}
			n.findAddresses()
		}
	}
	slices.SortStableFunc(t.nodes, func(a, b *node) int { return cmp.Compare(a.start, b.start) })
	return t
}

// On is the part of a traced run that one device took, by the end of its name, such as /device:GPU:1.
func On(metadata *pb.RunMetadata, device string) *pb.RunMetadata {
	part := &stats.StepStats{}
	for _, d := range metadata.GetStepStats().GetDevStats() {
		if strings.HasSuffix(d.GetDevice(), device) {
			part.DevStats = append(part.DevStats, d)
		}
	}
	return &pb.RunMetadata{StepStats: part}
}

// operation is the node's op, from a label like "[mklcpu 0.3MB 0.3MB] NAME = MatMul(x, y)".
func operation(run *stats.NodeExecStats) string {
	_, call, _ := strings.Cut(run.GetTimelineLabel(), " = ")
	op, _, _ := strings.Cut(call, "(")
	return op
}

// read turns the records of one node and allocator into events. A record does not say which buffer it releases; read takes the
// youngest of that size, because temporaries are allocated after outputs and released before them.
func (n *node) read(records []*stats.AllocationRecord) []event {
	var events []event
	var open []*buffer
	for _, r := range records {
		at, bytes := r.GetAllocMicros(), r.GetAllocBytes()
		if bytes > 0 {
			b := &buffer{bytes: bytes, allocated: at}
			open, n.made = append(open, b), append(n.made, b)
			events = append(events, event{at: at, step: allocate, node: n.start, buffer: b, writer: n, kind: classify(n.name)})
			continue
		}
		for i := len(open) - 1; i >= 0; i-- {
			if b := open[i]; b.bytes == -bytes {
				b.released = at
				open = slices.Delete(open, i, i+1)
				events = append(events, event{at: at, step: release, early: b.allocated < at, node: n.start, buffer: b, writer: n})
				break
			}
		}
	}
	return events
}

// findAddresses assigns the addresses of the node's outputs to its buffers, by size, oldest first.
func (n *node) findAddresses() {
	for _, o := range n.outputs {
		d := o.GetTensorDescription().GetAllocationDescription()
		if d.GetPtr() == 0 {
			continue
		}
		for _, b := range n.made {
			if b.address == 0 && (b.bytes == d.GetAllocatedBytes() || b.bytes == d.GetRequestedBytes()) {
				b.address = d.GetPtr()
				break
			}
		}
	}
}

// views are the ops whose output is their input's buffer, unchanged.
var views = map[string]bool{
	"Identity": true, "Reshape": true, "StopGradient": true, "ExpandDims": true, "Squeeze": true, "Snapshot": true,
	"Bitcast": true, "_Retval": true,
}

// events lists all allocations and releases, and the moments at which a node overwrites its input with its result.
func (t *trace) events() []event {
	writers := map[uint64][]*node{} // nodes with an output at an address, in the order of their start
	for _, n := range t.nodes {
		for _, o := range n.outputs {
			if p := o.GetTensorDescription().GetAllocationDescription().GetPtr(); p != 0 && !views[n.op] {
				writers[p] = append(writers[p], n)
			}
		}
	}
	var events []event
	for _, n := range t.nodes {
		for _, list := range t.records[n] {
			events = append(events, list...)
		}
		for _, b := range n.made {
			if b.address == 0 {
				continue
			}
			for _, w := range writers[b.address] {
				at := w.start / 1000
				if w == n || w.owns(b.address) || w.start <= n.start || (b.released != 0 && at >= b.released) {
					continue
				}
				events = append(events, event{at: at, step: rewrite, node: w.start, buffer: b, writer: w, kind: classify(w.name)})
			}
		}
	}
	return events
}

// owns tells whether the node itself allocated a buffer at the address. Its output is then in that buffer, not in an earlier one
// at the same address.
func (n *node) owns(address uint64) bool {
	return slices.ContainsFunc(n.made, func(b *buffer) bool { return b.address == address })
}

// outputIn is the node's output in buffer b, nil if there is none.
func (n *node) outputIn(b *buffer) *description.TensorDescription {
	for _, o := range n.outputs {
		if d := o.GetTensorDescription(); b.address != 0 && d.GetAllocationDescription().GetPtr() == b.address {
			return d
		}
	}
	return nil
}
