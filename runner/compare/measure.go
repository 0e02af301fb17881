package compare

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/stat"
	"dtl-tf/runner/machine"
)

// request tells a child process what to measure.
type request struct {
	Method   string                `json:"method"`
	Backbone runner.BackboneConfig `json:"backbone"`
	Settings Settings              `json:"settings"`
	// Available, unless 0, replaces the free memory in tests.
	Available int64 `json:"available_bytes,omitempty"`
}

const (
	// The learning rate and weight decay only have to move the weights.
	learningRate = 1e-3
	weightDecay  = 0.05
	// maxGroups is the number of groups of buffers that a row keeps.
	maxGroups = 40
)

// work returns the number of steps of a row: warm-up and timed steps of training and of inference, and the traced step.
func (s Settings) work() int { return s.WarmupSteps + s.Steps + 1 + s.Steps + 1 }

// measure measures a row. It calls done after each step.
func measure(r request, done func(what string, count int)) (Row, error) {
	row := Row{Method: r.Method}
	bb, err := load(context.Background(), r.Backbone)
	if err != nil {
		return row, err
	}
	if row.Failure, err = predict(r, bb); row.Failure != nil || err != nil {
		return row, err
	}
	t, err := newTrial(r, bb, r.Settings.Batch)
	if err != nil {
		return row, err
	}
	defer t.trainer.Close()
	bb = nil //nolint:ineffassign // the trainer has a copy
	debug.FreeOSMemory()
	m := &Measurement{Options: t.options}
	if err := t.time(r.Settings, m, done); err != nil {
		return row, err
	}
	if err := t.count(m); err != nil {
		return row, err
	}
	done("traced a step", r.Settings.work())
	row.Measurement = m
	return row, nil
}

// trial is a method ready to be measured on one batch of images.
type trial struct {
	trainer *dtl.ImageTrainer
	options dtl.Options
	images  tensor.Tensor
	labels  []int32
	steps   int // trained so far
}

func newTrial(r request, bb *backbone.Backbone, batch int) (*trial, error) {
	method, err := runner.MethodConfig{Method: r.Method}.Resolve(bb.Architecture)
	if err != nil {
		return nil, err
	}
	session := graph.SessionOptions{Threads: r.Settings.Threads}
	device, err := graph.FindDevice(session)
	if err != nil {
		return nil, err
	}
	model, err := dtl.New(dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: method.Method, Pool: method.Pool,
		Classes: r.Settings.Classes, Precision: r.Settings.Precision,
		Recompute: r.Settings.Recompute, Device: device,
	})
	if err != nil {
		return nil, err
	}
	trainer, err := dtl.NewImageTrainer(model, dtl.Training{Batch: batch, WeightDecay: weightDecay}, dtl.Start{
		Session: session, Weights: bb.Weights, Seed: randomSeed,
	})
	if err != nil {
		return nil, err
	}
	images, labels := finetune.RandomBatch(batch, bb.ImageSize(), r.Settings.Classes)
	return &trial{trainer: trainer, options: method.Options, images: images, labels: labels}, nil
}

func (t *trial) step() error {
	_, err := t.trainer.Step(t.images, t.labels, learningRate, t.steps)
	t.steps++
	return err
}

// trace traces a step and returns its memory, all of it and that on a GPU, nil if there is none.
func (t *trial) trace() (all memory.Report, onGPU *memory.Report, err error) {
	metadata, err := t.trainer.Trace(t.images, t.labels, learningRate, t.steps)
	if err != nil {
		return all, nil, fmt.Errorf("traced step: %w", err)
	}
	if report, err := memory.Replay(metadata, memory.GPU); err == nil {
		onGPU = &report
	}
	all, err = memory.Replay(metadata, nil)
	return all, onGPU, err
}

// time measures training and inference, each after warm-up steps.
func (t *trial) time(s Settings, m *Measurement, done func(what string, count int)) error {
	count := 0
	run := func(warmup int, what string, step func() error) (seconds []float64, err error) {
		for i := range warmup + s.Steps {
			started := time.Now()
			if err := step(); err != nil {
				return nil, err
			}
			if i >= warmup {
				seconds = append(seconds, time.Since(started).Seconds())
			}
			count++
			done(what, count)
		}
		slices.Sort(seconds)
		return seconds, nil
	}
	training, err := run(s.WarmupSteps, "training", t.step)
	if err != nil {
		return err
	}
	inference, err := run(1, "inference", func() error {
		_, err := t.trainer.Logits(t.images)
		return err
	})
	if err != nil {
		return err
	}
	m.SecondsPerStep = stat.Quantile(training, 0.5)
	m.Spread = Spread{Min: training[0], Max: training[len(training)-1], Count: len(training)}
	m.TrainRate = float64(s.Batch) / m.SecondsPerStep
	m.InferRate = float64(s.Batch) / stat.Quantile(inference, 0.5)
	return nil
}

// count counts parameters and memory. It runs after the timed steps because tracing slows a step down.
func (t *trial) count(m *Measurement) error {
	counts := t.trainer.Counts()
	m.Trainable, m.Classifier, m.Frozen = counts.Method, counts.Classifier, counts.Frozen
	m.Weights, m.Optimizer = t.trainer.FixedBytes()

	report, onGPU, err := t.trace()
	if err != nil {
		return err
	}
	m.Peak, m.AtMost = report.Peak, report.AtMost
	m.Activations, m.Gradients = report.Activations, report.Gradients
	m.ActivationsAtPeak, m.GradientsAtPeak = report.ActivationsAtPeak, report.GradientsAtPeak
	m.Total = m.Weights + m.Optimizer + m.Peak
	groups := memory.Groups(report.Buffers)
	m.Breakdown = groups[:min(len(groups), maxGroups)]

	m.Device = "CPU"
	if onGPU != nil {
		m.Device, m.GPU = "GPU", &GPUBytes{Peak: onGPU.Peak, Process: machine.ProcessOnGPU(os.Getpid())}
	}
	return nil
}
