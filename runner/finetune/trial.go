package finetune

import (
	"context"
	"fmt"
	"math/rand/v2"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
)

// Trial trains on one batch of random images, to measure its steps.
type Trial struct {
	*dtl.ImageTrainer
	Options dtl.Options // of the method, with defaults filled in

	images tensor.Tensor
	labels []int32
	rate   float64
	steps  int // trained so far
}

// NewTrial makes a trial with the method, step and optimizer settings of c. It ignores those of files, data and schedule.
func NewTrial(bb *backbone.Backbone, c Config, classes int) (*Trial, error) {
	s, err := c.Resolve(bb.Architecture)
	if err != nil {
		return nil, err
	}
	session := c.SessionOptions()
	devices, err := c.FindDevices()
	if err != nil {
		return nil, err
	}
	training := c.training()
	training.Loss, training.SoftTargets, training.SampleWeights = dtl.CrossEntropy, false, false
	if err := checkFits(c.model(bb, s, classes, devices), training, session, false); err != nil {
		return nil, err
	}
	model, err := dtl.New(c.model(bb, s, classes, devices))
	if err != nil {
		return nil, err
	}
	trainer, err := dtl.NewImageTrainer(model, training, dtl.Start{Session: session, Weights: bb.Weights, Seed: c.Seed})
	if err != nil {
		return nil, err
	}
	images, labels := RandomBatch(c.Batch, bb.ImageSize(), classes)
	return &Trial{ImageTrainer: trainer, Options: s.Options, images: images, labels: labels, rate: c.LearningRate}, nil
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

// Train trains one step.
func (t *Trial) Train() error {
	_, err := t.Step(t.images, t.labels, t.rate, t.steps)
	t.steps++
	return err
}

// Infer computes the logits of the batch.
func (t *Trial) Infer() error {
	_, err := t.Logits(t.images)
	return err
}

// Memory traces a step and returns its memory on all devices together and on a GPU. gpu is nil without a GPU.
func (t *Trial) Memory() (all memory.Report, gpu *memory.Report, err error) {
	metadata, err := t.traced()
	if err != nil {
		return all, nil, err
	}
	return replay(metadata)
}

func (t *Trial) traced() (*pb.RunMetadata, error) {
	metadata, err := t.Trace(t.images, t.labels, t.rate, t.steps)
	if err != nil {
		return nil, fmt.Errorf("traced step: %w", err)
	}
	return metadata, nil
}

func replay(metadata *pb.RunMetadata) (all memory.Report, gpu *memory.Report, err error) {
	if report, err := memory.Replay(metadata, memory.GPU); err == nil {
		gpu = &report
	}
	all, err = memory.Replay(metadata, nil)
	return all, gpu, err
}

// StepMemory is the memory of one training step, in bytes.
type StepMemory struct {
	Peak  int64 // of a step, without weights and optimizer state; of GPUs the largest, without the processor's
	Fixed int64 // weights and optimizer state
	// Devices are the peaks by device, as users name them; nil if one device computes the step.
	Devices map[string]int64
}

// MeasureStepMemory traces one training step in a separate session, without XLA, which leaves no allocation records.
func MeasureStepMemory(ctx context.Context, c Config, classes int) (StepMemory, error) {
	c = c.filled()
	c.XLA = ""
	bb, err := c.Load(ctx)
	if err != nil {
		return StepMemory{}, err
	}
	t, err := NewTrial(bb, c, classes)
	if err != nil {
		return StepMemory{}, err
	}
	defer t.Close()
	weights, optimizer := t.FixedBytes()
	m := StepMemory{Fixed: weights + optimizer}
	metadata, err := t.traced()
	if err != nil {
		return m, err
	}
	m.Devices, err = byDevice(metadata, t.Config.Places)
	if err != nil || t.Config.Device == graph.GPU && m.Devices != nil {
		for _, peak := range m.Devices {
			m.Peak = max(m.Peak, peak)
		}
		return m, err
	}
	report, gpu, err := replay(metadata)
	if gpu != nil {
		report = *gpu
	}
	m.Peak = report.Peak
	return m, err
}

// byDevice returns the peaks of a traced run on each of several devices, nil for one.
func byDevice(metadata *pb.RunMetadata, places []graph.Place) (map[string]int64, error) {
	if len(places) < 2 {
		return nil, nil
	}
	peaks := map[string]int64{}
	for _, p := range places {
		var count func(string) bool
		if p.Kind() == graph.GPU {
			count = memory.GPU
		}
		report, err := memory.Replay(memory.On(metadata, p.Device()), count)
		if err != nil {
			return nil, fmt.Errorf("memory on %s: %w", p.Short(), err)
		}
		peaks[p.Short()] = report.Peak
	}
	return peaks, nil
}
