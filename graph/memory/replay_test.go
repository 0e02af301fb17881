package memory

import (
	"errors"
	"testing"

	allocation "github.com/wamuir/graft/tensorflow/core/framework/allocation_description_go_proto"
	stats "github.com/wamuir/graft/tensorflow/core/framework/step_stats_go_proto"
	description "github.com/wamuir/graft/tensorflow/core/framework/tensor_description_go_proto"
	shape "github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	types "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// fakeNode is a node of an invented trace.
type fakeNode struct {
	name      string
	op        string
	start     int64      // microseconds
	records   [][2]int64 // time and bytes
	allocator string     // "": cpu
	address   uint64     // of its output, 0 for none
	bytes     int64      // of its output
}

func traceOf(nodes ...fakeNode) *pb.RunMetadata {
	d := &stats.DeviceStepStats{Device: "/job:localhost/replica:0/task:0/device:CPU:0"}
	for _, n := range nodes {
		if n.allocator == "" {
			n.allocator = "cpu"
		}
		run := &stats.NodeExecStats{
			NodeName: n.name, AllStartMicros: n.start, AllStartNanos: n.start * 1000,
			TimelineLabel: "[cpu 0.1MB] " + n.name + " = " + n.op + "(x, y)",
		}
		if n.records != nil {
			used := &stats.AllocatorMemoryUsed{AllocatorName: n.allocator}
			for _, r := range n.records {
				used.AllocationRecords = append(used.AllocationRecords, &stats.AllocationRecord{AllocMicros: r[0], AllocBytes: r[1]})
			}
			run.Memory = append(run.Memory, used)
		}
		if n.address != 0 {
			run.Output = append(run.Output, &stats.NodeOutput{TensorDescription: &description.TensorDescription{
				Dtype:                 types.DataType_DT_FLOAT,
				Shape:                 &shape.TensorShapeProto{Dim: []*shape.TensorShapeProto_Dim{{Size: n.bytes / 4}}},
				AllocationDescription: &allocation.AllocationDescription{RequestedBytes: n.bytes, AllocatedBytes: n.bytes, Ptr: n.address},
			}})
		}
		d.NodeStats = append(d.NodeStats, run)
	}
	return &pb.RunMetadata{StepStats: &stats.StepStats{DevStats: []*stats.DeviceStepStats{d}}}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name         string
		nodes        []fakeNode
		peak, atMost int64
	}{
		{"one after another", []fakeNode{
			{name: "a", start: 1, records: [][2]int64{{1, 100}, {3, -100}}},
			{name: "b", start: 5, records: [][2]int64{{5, 70}, {8, -70}}},
		}, 100, 100},
		{"overlapping", []fakeNode{
			{name: "a", start: 1, records: [][2]int64{{1, 100}, {9, -100}}},
			{name: "b", start: 5, records: [][2]int64{{5, 70}, {8, -70}}},
		}, 170, 170},
		{"a release and the next node's allocation in one microsecond", []fakeNode{
			{name: "a", start: 1, records: [][2]int64{{1, 100}, {5, -100}}},
			{name: "b", start: 5, records: [][2]int64{{5, 70}, {8, -70}}},
		}, 100, 170},
		{"the same, listed the other way round", []fakeNode{
			{name: "b", start: 5, records: [][2]int64{{5, 70}, {8, -70}}},
			{name: "a", start: 1, records: [][2]int64{{1, 100}, {5, -100}}},
		}, 100, 170},
		{"a temporary within one microsecond is counted", []fakeNode{
			{name: "a", start: 1, records: [][2]int64{{1, 100}, {9, -100}}},
			{name: "b", start: 5, records: [][2]int64{{5, 70}, {5, 30}, {5, -30}, {6, -70}}},
		}, 200, 200},
		{"two nodes within one microsecond that only follow each other", []fakeNode{
			{name: "a", start: 5, records: [][2]int64{{5, 100}, {5, -100}}},
			{name: "b", start: 5, records: [][2]int64{{5, 70}, {5, -70}}},
		}, 100, 170},
		{"what was there before the step is not counted", []fakeNode{
			{name: "a", start: 1, records: [][2]int64{{1, -500}, {2, 60}, {3, -60}}},
		}, 60, 60},
	} {
		r, err := Replay(traceOf(c.nodes...), nil)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.Peak != c.peak || r.AtMost != c.atMost || r.Left != 0 {
			t.Errorf("%s: peak %d, at most %d, left %d; want %d, %d, 0", c.name, r.Peak, r.AtMost, r.Left, c.peak, c.atMost)
		}
	}
}

// TestInPlace replays a Tanh that overwrites its input and a backward pass that then multiplies a gradient into the same buffer.
func TestInPlace(t *testing.T) {
	r, err := Replay(traceOf(
		fakeNode{name: "train/MatMul", op: "MatMul", start: 1, records: [][2]int64{{1, 400}, {30, -400}}, address: 7, bytes: 400},
		fakeNode{name: "train/Tanh", op: "Tanh", start: 3, address: 7, bytes: 400},
		fakeNode{name: "backward/train/Identity", op: "Identity", start: 5, address: 7, bytes: 400},
		fakeNode{name: "train/wide", op: "Exp", start: 10, records: [][2]int64{{10, 600}, {12, -600}}, address: 9, bytes: 600},
		fakeNode{name: "backward/train/Mul", op: "Mul", start: 20, address: 7, bytes: 400},
		fakeNode{name: "backward/train/MatMul", op: "MatMul", start: 22, records: [][2]int64{{22, 500}, {25, -500}}, address: 9, bytes: 500},
		fakeNode{name: "later", op: "MatMul", start: 40, records: [][2]int64{{40, 400}, {41, -400}}, address: 7, bytes: 400},
	), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Peak != 1000 || r.Activations != 1000 || r.Gradients != 900 || r.ActivationsAtPeak != 1000 || r.GradientsAtPeak != 0 {
		t.Errorf("%+v", r)
	}
	if len(r.Buffers) != 2 || r.Buffers[0].Node != "train/wide" || r.Buffers[1].Node != "train/Tanh" || r.Buffers[1].Op != "Tanh" ||
		len(r.Buffers[1].Shape) != 1 || r.Buffers[1].Shape[0] != 100 || r.Buffers[1].Type != "float" {
		t.Errorf("live at the peak: %+v", r.Buffers)
	}
}

func TestAllocators(t *testing.T) {
	trace := traceOf(
		fakeNode{name: "a", start: 1, allocator: "GPU_0_bfc", records: [][2]int64{{1, 256}, {9, -256}}},
		fakeNode{name: "b", start: 2, allocator: "gpu_host_bfc", records: [][2]int64{{2, 64}, {3, -64}}},
	)
	all, err := Replay(trace, nil)
	if err != nil || all.Peak != 320 {
		t.Errorf("all allocators: %d, %v", all.Peak, err)
	}
	gpu, err := Replay(trace, GPU)
	if err != nil || gpu.Peak != 256 {
		t.Errorf("of the GPU: %d, %v", gpu.Peak, err)
	}
	if _, err := Replay(traceOf(fakeNode{name: "a", start: 1}), nil); !errors.Is(err, ErrNoRecords) {
		t.Errorf("a trace without records: %v", err)
	}
}

func TestClassify(t *testing.T) {
	for name, want := range map[string]Kind{
		"train/block_00/attn/attention/Softmax":                  Activation,
		"backward/train/block_00/recompute/attention/Softmax":    Gradient,
		"train/adamw/head.weight/Mul":                            Gradient,
		"train/block_06/add/ArithmeticOptimizer/AddOpsRewrite_1": Activation,
		"ConstantFolding/backward/train/head/Mul":                Gradient,
	} {
		if got := classify(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	buffers := []Buffer{
		{Node: "train/block_00/mlp/Mul_2", Op: "Mul", Shape: []int{4, 8}, Bytes: 128},
		{Node: "train/block_01/mlp/Mul_2", Op: "Mul", Shape: []int{4, 8}, Bytes: 128},
		{Node: "train/block_01/mlp/Mul_3", Op: "Mul", Shape: []int{4, 8}, Bytes: 128},
		{Node: "train/embedding/MatMul", Op: "MatMul", Shape: []int{4, 16}, Bytes: 200},
		{Node: "train/block_01/mlp/Mul_2", Op: "Mul", Bytes: 4},
	}
	groups := Groups(buffers)
	if len(groups) != 4 || groups[0].Node != "train/block_*/mlp/Mul_2" || groups[0].Count != 2 || groups[0].Total() != 256 ||
		groups[1].Node != "train/embedding/MatMul" || groups[1].Count != 1 || groups[3].Shape != nil {
		t.Errorf("%+v", groups)
	}
	total := int64(0)
	for _, g := range groups {
		total += g.Total()
	}
	if total != 128*3+200+4 {
		t.Errorf("groups hold %d bytes", total)
	}
}
