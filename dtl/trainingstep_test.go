package dtl

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// linearCase is a case of testdata/training_steps.json: scripts/make_training_vectors.py says what it is.
type linearCase struct {
	Name                string
	Weights             []float32
	Smoothing           float32
	Lambda              *float32
	BCE                 bool
	Clip, EMA           float64
	Features, Several   []float32
	Labels              []int32
	Losses, Norms       []float64
	Start, End, Average map[string][]float32
}

// targets are computed as the formulas in the script say, apart from the code that fine-tune uses.
func (c linearCase) targets(classes int) (t Targets, training Training) {
	training = Training{Batch: len(c.Labels), WeightDecay: 0.05, ClipGrad: c.Clip, Average: c.EMA}
	if c.BCE {
		soft := tensor.Zeros(len(c.Labels), classes)
		for i, v := range c.Several {
			soft.Float32()[i] = v*(1-c.Smoothing) + c.Smoothing/2
		}
		training.Loss, training.SoftTargets = BinaryCrossEntropy, true
		return Targets{Soft: soft}, training
	}
	if c.Lambda == nil && c.Smoothing == 0 {
		t.Labels = c.Labels
		if c.Weights != nil {
			training.SampleWeights = true
			t.Weights = make([]float32, len(c.Labels))
			sum := float32(0)
			for i, label := range c.Labels {
				t.Weights[i] = c.Weights[label]
				sum += c.Weights[label]
			}
			for i := range t.Weights {
				t.Weights[i] *= float32(len(c.Labels)) / sum
			}
		}
		return t, training
	}
	training.SoftTargets, training.SampleWeights = true, true
	lambda := float32(1)
	if c.Lambda != nil {
		lambda = *c.Lambda
	}
	t.Soft, t.Weights = tensor.Zeros(len(c.Labels), classes), make([]float32, len(c.Labels))
	sum := float32(0)
	for i, label := range c.Labels {
		sum += c.Weights[label]
		row := t.Soft.Float32()[i*classes:][:classes]
		for k := range row {
			row[k] = c.Smoothing / float32(classes)
		}
		row[label] += (1 - c.Smoothing) * lambda
		row[c.Labels[len(c.Labels)-1-i]] += (1 - c.Smoothing) * (1 - lambda)
		for k := range row {
			row[k] *= c.Weights[k]
			t.Weights[i] += row[k]
		}
		for k := range row {
			row[k] /= t.Weights[i]
		}
	}
	for i := range t.Weights {
		t.Weights[i] *= float32(len(c.Labels)) / sum
	}
	return t, training
}

// TestTrainingSteps: weighted losses, the clipped gradient and moving averages are PyTorch's, whole, in micro-batches, and divided
// between two devices.
func TestTrainingSteps(t *testing.T) {
	raw, err := os.ReadFile("testdata/training_steps.json")
	expect.NoError(t, err)
	var file struct {
		Rate                  float64
		Batch, Width, Classes int
		Cases                 []linearCase
	}
	expect.NoError(t, json.Unmarshal(raw, &file))
	if len(file.Cases) != 11 {
		t.Errorf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		for _, how := range []struct{ micro, devices int }{{0, 0}, {2, 0}, {0, 2}, {2, 2}} {
			t.Run(fmt.Sprint(c.Name, ", micro-batch ", how.micro, ", devices ", how.devices), func(t *testing.T) {
				targets, training := c.targets(file.Classes)
				training.MicroBatch = how.micro
				model, _, start := setting{method: "linear", classes: file.Classes, places: cpus(how.devices)}.resolve(t)
				start.Adapter = tensor.Map{
					HeadWeight: tensor.Must(c.Start["weight"], file.Classes, file.Width),
					HeadBias:   tensor.Must(c.Start["bias"], file.Classes),
				}
				s := closed(t, must(NewStoredTrainer(model, training, graph.FP32, start))(t))
				features := []tensor.Tensor{tensor.Must(c.Features, file.Batch, file.Width)}
				for step, want := range c.Losses {
					if got := must(s.StepTowards(features, targets, file.Rate, step))(t); math.Abs(got-want) > 2e-6*(1+want) {
						t.Errorf("step %d: loss %v, PyTorch's %v", step, got, want)
					}
				}
				near(t, "trained", must(s.ReadTrainable())(t), c.End)
				if c.EMA > 0 {
					near(t, "average", must(s.ReadAverage())(t), c.Average)
				}
				again := must(s.ReadOptimizer())(t)
				if _, ok := again["ema/"+HeadBias]; ok != (c.EMA > 0) {
					t.Errorf("averages are part of the state: %v", ok)
				}
			})
		}
	}
}

// near compares a classifier with PyTorch's. AdamW divides by the root of the second moment, so that rounding in a gradient counts as
// much as the gradient is small: 1e-5 of five steps of 1e-2.
func near(t *testing.T, what string, got tensor.Map, want map[string][]float32) {
	t.Helper()
	for name, values := range map[string][]float32{HeadWeight: want["weight"], HeadBias: want["bias"]} {
		for i, v := range values {
			if d := math.Abs(float64(got[name].Float32()[i] - v)); d > 5e-6 {
				t.Errorf("%s %s[%d] is %v, PyTorch's %v", what, name, i, got[name].Float32()[i], v)
			}
		}
	}
}

// TestAverageResumed: a trainer that is given the state of another goes on as that one does, averages included.
func TestAverageResumed(t *testing.T) {
	c := setting{method: "dtl", noise: 0.1}
	model, training, start := c.resolve(t)
	training.Average, training.ClipGrad = 0.8, 0.5
	whole := openTrainer(t, model, training, start.Weights, 0, nil)
	images, labels := someBatch(whole.Trainer, 1)
	for step := range 2 {
		must(whole.Step(images, labels, 1e-2, step))(t)
	}
	state := must(whole.ReadTrainable())(t)
	for name, v := range must(whole.ReadOptimizer())(t) {
		state[name] = v
	}
	model, _, _ = c.resolve(t)
	rest := openTrainer(t, model, training, start.Weights, 7, nil)
	expect.NoError(t, rest.Restore(state))
	for step := 2; step < 4; step++ {
		must(whole.Step(images, labels, 1e-2, step))(t)
		must(rest.Step(images, labels, 1e-2, step))(t)
	}
	sameValues(t, must(rest.ReadAverage())(t), must(whole.ReadAverage())(t), 0)
	if a, b := must(rest.ReadAverage())(t).SHA256(), must(rest.ReadTrainable())(t).SHA256(); a == b {
		t.Error("the average is the last value")
	}
	delete(state, "ema/"+HeadBias)
	expect.Error(t, rest.Restore(state), "tensor ema/head.bias is missing")
}
