package finetune

import (
	"slices"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/runner"
)

// TestChoices: the order is that of the measured times, and settings that the user gave stay.
func TestChoices(t *testing.T) {
	const none, activations, blocks = graph.RecomputeNone, graph.RecomputeActivations, graph.RecomputeBlocks
	usual := []choice{
		{none, 0}, {activations, 0}, {activations, 8}, {activations, 4}, {blocks, 0}, {blocks, 8}, {blocks, 4},
		{activations, 2}, {activations, 1}, {blocks, 2}, {blocks, 1},
	}
	for _, c := range []struct {
		fixed  Fixed
		step   runner.StepConfig
		device graph.Device
		want   []choice
	}{
		{Fixed{}, runner.StepConfig{Precision: graph.FP32}, graph.Processor, []choice{
			{none, 0}, {activations, 0}, {activations, 8}, {activations, 4}, {activations, 2}, {blocks, 0}, {blocks, 8}, {blocks, 4}, {blocks, 2},
			{activations, 1}, {blocks, 1},
		}},
		{Fixed{}, runner.StepConfig{Precision: graph.BF16}, graph.Processor, usual},
		{Fixed{}, runner.StepConfig{Precision: graph.FP32}, graph.GPU, usual},
		{Fixed{Recompute: true}, runner.StepConfig{Recompute: none}, graph.GPU, []choice{{none, 0}, {none, 8}, {none, 4}, {none, 2}, {none, 1}}},
		{Fixed{MicroBatch: true}, runner.StepConfig{MicroBatch: 2}, graph.GPU, []choice{{none, 2}, {activations, 2}, {blocks, 2}}},
		{Fixed{true, true}, runner.StepConfig{Recompute: blocks, MicroBatch: 8}, graph.GPU, []choice{{blocks, 8}}},
		{Fixed{MicroBatch: true}, runner.StepConfig{MicroBatch: 16}, graph.GPU, []choice{{none, 0}, {activations, 0}, {blocks, 0}}},
	} {
		if got := choices(16, c.fixed, c.step, c.device); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.fixed, got, c.want)
		}
	}
}
