package finetune

import (
	"slices"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/runner"
)

// TestChoices: the order is that of the measured times, and settings that the user gave stay.
func TestChoices(t *testing.T) {
	const none, activations, blocks = graph.RecomputeNone, graph.RecomputeActivations, graph.RecomputeBlocks
	for _, c := range []struct {
		fixed Fixed
		step  runner.StepConfig
		quick int
		want  []choice
	}{
		{Fixed{}, runner.StepConfig{}, 4, []choice{
			{none, 0}, {activations, 0}, {activations, 8}, {activations, 4}, {blocks, 0}, {blocks, 8}, {blocks, 4},
			{activations, 2}, {activations, 1}, {blocks, 2}, {blocks, 1},
		}},
		{Fixed{}, runner.StepConfig{}, 2, []choice{
			{none, 0}, {activations, 0}, {activations, 8}, {activations, 4}, {activations, 2}, {blocks, 0}, {blocks, 8}, {blocks, 4}, {blocks, 2},
			{activations, 1}, {blocks, 1},
		}},
		{Fixed{Recompute: true}, runner.StepConfig{Recompute: none}, 4, []choice{{none, 0}, {none, 8}, {none, 4}, {none, 2}, {none, 1}}},
		{Fixed{MicroBatch: true}, runner.StepConfig{MicroBatch: 2}, 4, []choice{{none, 2}, {activations, 2}, {blocks, 2}}},
		{Fixed{true, true}, runner.StepConfig{Recompute: blocks, MicroBatch: 8}, 4, []choice{{blocks, 8}}},
		{Fixed{MicroBatch: true}, runner.StepConfig{MicroBatch: 16}, 4, []choice{{none, 0}, {activations, 0}, {blocks, 0}}},
	} {
		if got := choices(16, c.fixed, c.step, c.quick); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.fixed, got, c.want)
		}
	}
}

// TestQuickMicroBatch: half a chunk of the middle block.
func TestQuickMicroBatch(t *testing.T) {
	for name, want := range map[string]int{"vit_b16": 2, "vit_s16": 4, "vit_ti16": 8, "dinov2_b14": 1, "swin_t": 4, "swin_b": 3} {
		a, err := backbone.Parse(name)
		expect.NoError(t, err)
		if got := quickMicroBatch(a, graph.Processor); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
		if got := quickMicroBatch(a, graph.GPU); got != gpuMicroBatch {
			t.Errorf("%s on a GPU: %d", name, got)
		}
	}
}
