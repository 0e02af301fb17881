package sweep

import (
	"context"
	"fmt"

	"dtl-tf/runner/finetune"
	"dtl-tf/runner/vtab"
)

// memories measures the memory of a step once for each kind of cell.
type memories struct {
	off   bool
	warn  func(format string, args ...any)
	known map[string]*vtab.StepMemory
}

// of is the memory of one step of a cell, nil where it can't be measured, which is said but costs no cell.
func (m *memories) of(ctx context.Context, f finetune.Config, j job) *vtab.StepMemory {
	if m.off {
		return nil
	}
	// Neither the task nor the seed, and no learning rate: what memory depends on.
	kind := fmt.Sprint(j.method, f.Options, f.Classes, f.Batch, f.DropPath > 0, f.Pool, f.Precision, f.Recompute, f.MicroBatch)
	if s, ok := m.known[kind]; ok {
		return s
	}
	measured, err := finetune.MeasureStepMemory(ctx, f, f.Classes)
	if err != nil {
		m.warn("%s: the memory of a step can't be measured: %v", j.name(), err)
		m.known[kind] = nil
		return nil
	}
	m.known[kind] = &vtab.StepMemory{Peak: measured.Peak, Fixed: measured.Fixed, How: vtab.HowStepMemory}
	return m.known[kind]
}
