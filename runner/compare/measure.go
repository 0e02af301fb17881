package compare

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"dtl-tf/runner/internal/stat"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/machine"
)

// request is what the parent asks a child process for.
type request struct {
	Method   string                `json:"method"`
	Backbone runner.BackboneConfig `json:"backbone"`
	Settings Settings              `json:"settings"`
	// Available, when not 0, is taken for the free memory instead of what the system says; tests use it.
	Available int64 `json:"available_bytes,omitempty"`
}

const (
	// rate and decay only have to move the weights as training does.
	rate  = 1e-3
	decay = 0.05
	// breakdownSize is how many of the largest groups of buffers are kept with a row.
	breakdownSize = 40
)

// work is the number of steps that a row takes, the passes of inference included.
func (s Settings) work() int { return s.WarmupSteps + s.Steps + 1 + 1 + s.Steps }

// measure makes one row. done is told after each of its steps.
func measure(r request, done func(what string, count int)) (Row, error) {
	row := Row{Method: r.Method}
	bb, err := load(context.Background(), r.Backbone)
	if err != nil {
		return row, err
	}
	if failure, err := predict(r, bb); failure != nil || err != nil {
		row.Failure = failure
		return row, err
	}
	t, err := newTrial(r, bb, r.Settings.Batch)
	if err != nil {
		return row, err
	}
	defer t.session.Close()
	bb = nil //nolint:ineffassign // the session has its own copy, this one is in the way
	debug.FreeOSMemory()
	m := &Measurement{Options: t.options}
	if err := t.time(r.Settings, m, done); err != nil {
		return row, err
	}
	if err := t.trace(m); err != nil {
		return row, err
	}
	done("traced a step", r.Settings.work())
	row.Measurement = m
	return row, nil
}

// trial is a method ready to be measured on one batch of images.
type trial struct {
	session *dtl.ImageTrainer
	options dtl.Options
	images  tensor.Tensor
	labels  []int32
	steps   int // trained so far
}

func newTrial(r request, bb *backbone.Backbone, batch int) (*trial, error) {
	s, err := runner.MethodConfig{Method: r.Method}.Resolve(bb.Architecture)
	if err != nil {
		return nil, err
	}
	device, err := graph.FindDevice(graph.SessionOptions{Threads: r.Settings.Threads})
	if err != nil {
		return nil, err
	}
	model, err := dtl.New(dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool,
		Classes: r.Settings.Classes, Precision: r.Settings.Precision,
		Recompute: r.Settings.Recompute, Device: device,
	})
	if err != nil {
		return nil, err
	}
	session, err := dtl.NewImageTrainer(model, dtl.Training{Batch: batch, WeightDecay: decay}, dtl.Start{
		Session: graph.SessionOptions{Threads: r.Settings.Threads}, Weights: bb.Weights, Seed: randomSeed,
	})
	if err != nil {
		return nil, err
	}
	images, labels := finetune.RandomBatch(batch, bb.ImageSize(), r.Settings.Classes)
	return &trial{session: session, options: s.Options, images: images, labels: labels}, nil
}

func (t *trial) step() error {
	_, err := t.session.Step(t.images, t.labels, rate, t.steps)
	t.steps++
	return err
}

// time runs warm-up and timed steps, then the same for inference.
func (t *trial) time(s Settings, m *Measurement, done func(string, int)) error {
	count := 0
	run := func(warmup int, what string, step func() error) ([]float64, error) {
		var seconds []float64
		for i := range warmup + s.Steps {
			begun := time.Now()
			if err := step(); err != nil {
				return nil, err
			}
			if i >= warmup {
				seconds = append(seconds, time.Since(begun).Seconds())
			}
			count++
			done(what, count)
		}
		return seconds, nil
	}
	trained, err := run(s.WarmupSteps, "training", t.step)
	if err != nil {
		return err
	}
	inferred, err := run(1, "inference", func() error {
		_, err := t.session.Logits(t.images)
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(trained)
	slices.Sort(inferred)
	m.SecondsPerStep = stat.Quantile(trained, 0.5)
	m.Spread = Spread{Min: trained[0], Max: trained[len(trained)-1], Count: len(trained)}
	m.TrainRate = float64(s.Batch) / m.SecondsPerStep
	m.InferRate = float64(s.Batch) / stat.Quantile(inferred, 0.5)
	return nil
}

// trace counts, and replays one step. It comes after the timed steps because tracing slows a step down.
func (t *trial) trace(m *Measurement) error {
	counts := t.session.Counts()
	m.Trainable, m.Classifier, m.Frozen = counts.Method, counts.Classifier, counts.Frozen
	m.Weights, m.Optimizer = t.session.FixedBytes()

	metadata, err := t.session.Trace(t.images, t.labels, rate, t.steps)
	if err != nil {
		return fmt.Errorf("traced step: %w", err)
	}
	report, err := memory.Replay(metadata, nil)
	if err != nil {
		return err
	}
	m.Peak, m.AtMost = report.Peak, report.AtMost
	m.Activations, m.Gradients = report.Activations, report.Gradients
	m.ActivationsAtPeak, m.GradientsAtPeak = report.ActivationsAtPeak, report.GradientsAtPeak
	m.Total = m.Weights + m.Optimizer + m.Peak
	groups := memory.Groups(report.Buffers)
	m.Breakdown = groups[:min(len(groups), breakdownSize)]

	m.Device = "CPU"
	if onGPU, err := memory.Replay(metadata, memory.GPU); err == nil {
		m.Device, m.GPU = "GPU", &GPUBytes{Peak: onGPU.Peak, Process: machine.ProcessOnGPU(os.Getpid())}
	}
	return nil
}
