package finetune

import (
	"context"
	"fmt"
	"math/rand/v2"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
)

// StepMemory is the memory of one training step, in bytes.
type StepMemory struct {
	Peak  int64 // most bytes alive at once, without what stays between steps
	Fixed int64 // weights and optimizer state
}

// MeasureStepMemory traces one training step on random images and labels, in a separate session.
func MeasureStepMemory(ctx context.Context, c Config, classes int) (StepMemory, error) {
	c = c.filled()
	bb, err := c.Load(ctx)
	if err != nil {
		return StepMemory{}, err
	}
	s, err := c.Resolve(bb.Architecture)
	if err != nil {
		return StepMemory{}, err
	}
	device, err := graph.FindDevice(graph.SessionOptions{Threads: c.Threads})
	if err != nil {
		return StepMemory{}, err
	}
	model, err := dtl.New(c.model(bb, s, classes, device))
	if err != nil {
		return StepMemory{}, err
	}
	session, err := dtl.NewImageTrainer(model, c.training(), dtl.Start{Session: graph.SessionOptions{Threads: c.Threads}, Weights: bb.Weights, Seed: c.Seed})
	if err != nil {
		return StepMemory{}, err
	}
	defer session.Close()
	images, labels := RandomBatch(c.Batch, bb.ImageSize(), classes)
	metadata, err := session.Trace(images, labels, c.LearningRate, 0)
	if err != nil {
		return StepMemory{}, fmt.Errorf("traced step: %w", err)
	}
	// On a GPU only its own memory counts; the host's is not what runs out.
	replayed, err := memory.Replay(metadata, memory.GPU)
	if err != nil {
		if replayed, err = memory.Replay(metadata, nil); err != nil {
			return StepMemory{}, err
		}
	}
	weights, optimizer := session.FixedBytes()
	return StepMemory{Peak: replayed.Peak, Fixed: weights + optimizer}, nil
}

// RandomBatch returns random images [B, S, S, 3] in bytes, as a loader does, and labels. Memory and time of a step do not depend
// on the values.
func RandomBatch(batch, side, classes int) (tensor.Tensor, []int32) {
	random := rand.New(rand.NewPCG(1, 1))
	pixels := make([]uint8, batch*side*side*3)
	for i := range pixels {
		pixels[i] = uint8(random.UintN(256))
	}
	labels := make([]int32, batch)
	for i := range labels {
		labels[i] = int32(i % classes)
	}
	return tensor.Must(pixels, batch, side, side, 3), labels
}
