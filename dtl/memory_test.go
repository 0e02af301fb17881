package dtl

import (
	"cmp"
	"slices"
	"testing"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/need"
)

// peakBytes replays the allocations and releases of a traced run and returns the peak of bytes alive. It counts activations
// saved for the backward pass, outputs of ops, their temporaries and gradients, but not weights, moments and inputs, which exist
// before the run.
func peakBytes(metadata *pb.RunMetadata) int64 {
	type change struct{ at, bytes int64 } // negative bytes for a release
	var changes []change
	for _, device := range metadata.GetStepStats().GetDevStats() {
		for _, node := range device.GetNodeStats() {
			for _, memory := range node.GetMemory() {
				for _, r := range memory.GetAllocationRecords() {
					changes = append(changes, change{r.AllocMicros, r.AllocBytes})
				}
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	alive, peak := int64(0), int64(0)
	for _, c := range changes {
		alive += c.bytes
		peak = max(peak, alive)
	}
	return peak
}

// stepPeak returns the peak of the second training step.
func stepPeak(t *testing.T, c setting) int64 {
	t.Helper()
	s := c.start(t)
	images, labels := someBatch(s.Trainer, 1)
	must(s.Step(images, labels, 1e-3, 0))(t)
	peak := peakBytes(must(s.Trace(images, labels, 1e-3, 1))(t))
	t.Logf("%s, batch %d, recompute=%s: %d bytes at the peak (%.0f MiB)", c.method, c.batch, c.mode, peak, float64(peak)/(1<<20))
	if peak == 0 {
		t.Fatal("the trace holds no allocations")
	}
	return peak
}

// TestMemory tests the point of the method: the peak of a DTL step is less than half of full fine-tuning's. With the official
// PyTorch code it is 37 % (ViT-B/16, batch 8).
func TestMemory(t *testing.T) {
	arch := must(backbone.Parse("vit_ti16"))(t)
	full := stepPeak(t, setting{arch: arch, method: "full", batch: 2})
	saved := stepPeak(t, setting{arch: arch, method: "dtl", batch: 2})
	recomputed := stepPeak(t, setting{arch: arch, method: "dtl", batch: 2, mode: graph.RecomputeActivations})
	if share := float64(saved) / float64(full); share >= 0.45 {
		t.Errorf("the peak of a DTL step is %.0f %% of full fine-tuning's, want less than 45 %%", 100*share)
	}
	if recomputed >= saved {
		t.Errorf("recomputing activations peaks at %d bytes, saving them at %d", recomputed, saved)
	}
}

// TestMemoryViTB compares with the official PyTorch implementation of DTL on the same step: ViT-B/16, 224 x 224, batch 8,
// float32, 100 classes, AdamW. The peak of PyTorch's CPU allocator was 423,684,328 bytes (torch.profiler's memory events, torch
// 2.15).
func TestMemoryViTB(t *testing.T) {
	need.Heavy(t, "takes half a minute and 2.5 GB")
	const pytorch = 423_684_328
	arch := must(backbone.Parse("vit_b16"))(t)
	saved := stepPeak(t, setting{arch: arch, classes: 100, method: "dtl", batch: 8})
	if float64(saved) > 1.05*pytorch {
		t.Errorf("a step peaks at %d bytes, PyTorch's at %d", saved, pytorch)
	}
	recomputed := stepPeak(t, setting{arch: arch, classes: 100, method: "dtl", batch: 8, mode: graph.RecomputeActivations})
	if recomputed >= saved {
		t.Errorf("recomputing activations peaks at %d bytes, saving them at %d", recomputed, saved)
	}
}
