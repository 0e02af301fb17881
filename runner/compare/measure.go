package compare

import (
	"context"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/memory"
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
	// Tasks are the numbers of tasks to measure (see measureTasks). nil measures training.
	Tasks []int `json:"tasks,omitempty"`
	// Available, unless 0, replaces the free memory in tests.
	Available int64 `json:"available_bytes,omitempty"`
}

// maxGroups is the number of groups of buffers that a row keeps.
const maxGroups = 40

// work returns the number of steps of a row: warm-up and timed steps of training and of inference, and the traced step.
func (s Settings) work() int { return s.WarmupSteps + s.Steps + 1 + s.Steps + 1 }

// measure measures a row. It calls done after each step.
func measure(r request, done func(what string, count int)) (Row, error) {
	if r.Tasks != nil {
		return measureTasks(r, done)
	}
	row := Row{Method: r.Method}
	bb, err := load(context.Background(), r.Backbone, r.Settings.Precision.Bytes())
	if err != nil {
		return row, err
	}
	if row.Failure, err = predict(r, bb); row.Failure != nil || err != nil {
		return row, err
	}
	t, err := r.newTrial(bb, r.Settings.Batch)
	if err != nil {
		return row, err
	}
	defer t.Close()
	bb = nil //nolint:ineffassign // the trial has a copy
	debug.FreeOSMemory()
	m := &Measurement{Options: t.Options}
	if err := m.time(t, r.Settings, done); err != nil {
		return row, err
	}
	if err := m.count(t); err != nil {
		return row, err
	}
	done("traced a step", r.Settings.work())
	row.Measurement = m
	return row, nil
}

// newTrial makes a trial of the requested method.
func (r request) newTrial(bb *backbone.Backbone, batch int) (*finetune.Trial, error) {
	c := finetune.Config{
		MethodConfig: runner.MethodConfig{Method: r.Method}, StepConfig: r.Settings.StepConfig, Seed: randomSeed,
		LearningRate: 1e-3, WeightDecay: 0.05, // the values only have to move the weights
	}
	c.Batch = batch
	return finetune.NewTrial(bb, c, r.Settings.Classes)
}

// time measures training and inference, each after warm-up steps.
func (m *Measurement) time(t *finetune.Trial, s Settings, done func(what string, count int)) error {
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
	training, err := run(s.WarmupSteps, "training", t.Train)
	if err != nil {
		return err
	}
	inference, err := run(1, "inference", t.Infer)
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
func (m *Measurement) count(t *finetune.Trial) error {
	counts := t.Counts()
	m.Trainable, m.Unused, m.Classifier, m.Frozen = counts.Method, counts.Unused, counts.Classifier, counts.Frozen
	m.Weights, m.Optimizer = t.FixedBytes()

	report, gpu, err := t.Memory()
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
	if gpu != nil {
		m.Device, m.GPU = "GPU", &GPUBytes{Peak: gpu.Peak, Process: machine.ProcessOnGPU(os.Getpid())}
	}
	return nil
}
