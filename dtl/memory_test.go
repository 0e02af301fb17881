package dtl

import (
	"cmp"
	"os"
	"slices"
	"testing"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
)

// peakBytes replays the allocations and releases of one traced run: the largest number of bytes that were alive
// at once. Weights, moments and inputs existed before and are not counted; activations kept for the backward
// pass, outputs of ops, their temporaries and gradients are.
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

// stepPeak traces one training step after a first one.
func stepPeak(t *testing.T, c setting) int64 {
	t.Helper()
	s := c.start(t)
	images, labels := someBatch(s, 1)
	must(s.Step(images, labels, 1e-3, 0))(t)
	peak := peakBytes(must(s.Trace(images, labels, 1e-3, 1))(t))
	t.Logf("%s, batch %d, recompute=%d: %d bytes at the peak (%.0f MiB)", c.method, c.batch, c.mode, peak, float64(peak)/(1<<20))
	if peak == 0 {
		t.Fatal("the trace holds no allocations")
	}
	return peak
}

// TestMemory is the point of the method: a DTL step holds less than half of what full fine-tuning holds. The official
// PyTorch code holds 37 % (ViT-B/16, batch 8).
func TestMemory(t *testing.T) {
	arch := must(backbone.Parse("vit_ti16"))(t)
	full := stepPeak(t, setting{arch: arch, method: "full", batch: 2})
	kept := stepPeak(t, setting{arch: arch, method: "dtl", batch: 2})
	again := stepPeak(t, setting{arch: arch, method: "dtl", batch: 2, mode: graph.RecomputeActivations})
	if share := float64(kept) / float64(full); share >= 0.45 {
		t.Errorf("a DTL step holds %.0f %% of full fine-tuning's bytes, want less than 45 %%", 100*share)
	}
	if again >= kept {
		t.Errorf("recomputing activations holds %d bytes, keeping them %d", again, kept)
	}
}

// TestMemoryViTB compares with the official PyTorch implementation of DTL on the same step: ViT-B/16, 224 x 224,
// batch 8, float32, 100 classes, AdamW. Its CPU allocator (torch.profiler's memory events, torch 2.15) had at most
// 423,684,328 bytes alive.
func TestMemoryViTB(t *testing.T) {
	if os.Getenv("DTL_HEAVY") == "" {
		t.Skip("skipped: takes half a minute and 2.5 GB, set DTL_HEAVY=1 to run it")
	}
	const pytorch = 423_684_328
	arch := must(backbone.Parse("vit_b16"))(t)
	kept := stepPeak(t, setting{arch: arch, classes: 100, method: "dtl", batch: 8})
	if float64(kept) > 1.05*pytorch {
		t.Errorf("a step holds %d bytes, PyTorch %d", kept, pytorch)
	}
	if again := stepPeak(t, setting{arch: arch, classes: 100, method: "dtl", batch: 8, mode: graph.RecomputeActivations}); again >= kept {
		t.Errorf("recomputing activations holds %d bytes, keeping them %d", again, kept)
	}
}
