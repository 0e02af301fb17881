package dtl

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"

	"dtl-tf/graph"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// cpus names processors of one process.
func cpus(n int) []graph.Place {
	list := make([]graph.Place, n)
	for i := range list {
		list[i] = graph.Place(fmt.Sprintf("/device:CPU:%d", i))
	}
	return list
}

// TestDivide: shares differ by one sample at most, and the first ones are the larger.
func TestDivide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		samples, towers int
		want            []span
	}{
		{6, 2, []span{{0, 3}, {3, 6}}}, {7, 3, []span{{0, 3}, {3, 5}, {5, 7}}}, {1, 2, []span{{0, 1}, {1, 1}}}, {5, 1, []span{{0, 5}}},
	} {
		if got := divide(c.samples, c.towers); !slices.Equal(got, c.want) {
			t.Errorf("%d samples among %d towers: %v, want %v", c.samples, c.towers, got, c.want)
		}
	}
}

// TestTowers: steps divided among several devices equal steps on one, also where the shares differ, with stochastic depth, whose masks
// are those of the whole batch, with micro-batches, and on stored values. Weights are those of the batch, the gradients of all devices
// are clipped together, and averages are those of one device. The loss differs by rounding: sums of 10 samples in another order.
func TestTowers(t *testing.T) {
	everything := func(t *Training) { t.SampleWeights, t.ClipGrad, t.Average = true, 0.1, 0.7 }
	binary := func(t *Training) { t.Loss, t.SoftTargets = BinaryCrossEntropy, true }
	for _, c := range []struct {
		setting
		devices int
		stored  bool
	}{
		{setting{method: "dtl+", mode: graph.RecomputeBlocks, dropPath: 0.5, microBatch: 5}, 3, false},
		{setting{method: "full", microBatch: 5}, 2, false},
		{setting{method: "dtl", soft: true}, 3, true},
		{setting{method: "dtl", dropPath: 0.5, scope: DropPathSuffix, microBatch: 2}, 2, true},
		{setting{method: "lora", dropPath: 0.3, mode: graph.RecomputeActivations}, 4, false},
		{setting{method: "dtl", more: everything}, 3, false}, {setting{method: "dtl", more: everything, microBatch: 5}, 2, true},
		{setting{method: "dtl", soft: true, more: everything, microBatch: 5}, 3, false},
		{setting{method: "dtl", more: binary}, 3, false}, {setting{method: "dtl", more: binary, microBatch: 5}, 2, true},
		{setting{method: "lora", mode: graph.RecomputeGELU2Bit}, 3, false},
		{setting{method: "lra"}, 3, true}, {setting{method: "res-tuning-bypass", dropPath: 0.3}, 2, false}, {setting{method: "vqt"}, 2, false},
		{setting{method: "adapter+", dropPath: 0.3}, 2, false},
		{setting{method: "lst"}, 2, false}, {setting{method: "fact-tt"}, 2, false}, {setting{method: "noah"}, 2, false}, {setting{method: "vpt-deep"}, 3, false},
		{setting{method: "ssf"}, 2, false}, {setting{method: "bitfit"}, 2, false}, {setting{method: "adaptformer"}, 2, false},
	} {
		if !need.AllowsHeavy() && !slices.Contains(someMethods(), c.method) {
			continue
		}
		t.Run(fmt.Sprint(c.method, c.devices, c.mode, c.stored, c.microBatch, c.more != nil), func(t *testing.T) {
			t.Parallel()
			c.arch, c.batch, c.noise = two, 10, 0.1
			if c.method != "full" {
				c.adapter = randomRival
			}
			spread := c.setting
			spread.places = cpus(c.devices)
			c.microBatch = 0
			stepWhole, whole := c.stepper(t, c.stored)
			stepTowers, towers := spread.stepper(t, c.stored)
			for step := range 3 {
				images, labels := someBatch(whole, uint64(step))
				got, want := must(stepTowers(images, labels, step))(t), must(stepWhole(images, labels, step))(t)
				if math.Abs(got-want) > 1e-5*want {
					t.Errorf("step %d on %d devices: loss %v, on one %v", step, c.devices, got, want)
				}
			}
			got, want := must(towers.ReadTrainable())(t), must(whole.ReadTrainable())(t)
			for name, v := range must(towers.ReadAverage())(t) {
				got["average "+name] = v
			}
			for name, v := range must(whole.ReadAverage())(t) {
				want["average "+name] = v
			}
			for _, name := range want.Names() {
				if strings.Contains(name, "/key/bias") || strings.HasSuffix(name, "attn.k.bias") || strings.HasSuffix(name, "attn.ssf_shift_k") { // its gradient is rounding error, which AdamW scales up to full steps
					delete(got, name)
					delete(want, name)
				}
			}
			sameValues(t, got, want, 2e-4)
		})
	}
}

// stepper returns a step on a batch of images at rate 1e-3, and its trainer.
func (c setting) stepper(t *testing.T, stored bool) (func(images tensor.Tensor, labels []int32, step int) (float64, error), *Trainer) {
	t.Helper()
	if !stored {
		s := c.start(t)
		return func(images tensor.Tensor, labels []int32, step int) (float64, error) {
			return s.StepTowards(images, s.someTargets(labels), 1e-3, step)
		}, s.Trainer
	}
	s := c.startStored(t, graph.FP32)
	return func(images tensor.Tensor, labels []int32, step int) (float64, error) {
		return s.StepTowards(must(s.ComputeStored(images))(t), s.someTargets(labels), 1e-3, step)
	}, s.Trainer
}

// someTargets are targets of the kind that the step takes. Weights differ and have the mean 1.
func (t *Trainer) someTargets(labels []int32) Targets {
	targets := Targets{Labels: labels}
	if t.training.SoftTargets {
		targets = Targets{Soft: tensor.Zeros(len(labels), t.Config.Classes)}
		for i, label := range labels {
			row := targets.Soft.Float32()[i*t.Config.Classes:][:t.Config.Classes]
			row[label], row[(int(label)+1)%len(row)] = 0.7, 0.3
		}
	}
	if t.training.SampleWeights {
		for i := range labels {
			targets.Weights = append(targets.Weights, 2*float32(i)/float32(len(labels)-1))
		}
	}
	return targets
}

// TestTowersAgain: the same steps on the same devices give the same bits.
func TestTowersAgain(t *testing.T) {
	t.Parallel()
	run := func() ([]float64, tensor.Map) {
		s := setting{method: "dtl", dropPath: 0.5, batch: 7, places: cpus(3), adapter: randomAdapter}.start(t)
		return trainSteps(t, s, 3, 1e-2), must(s.ReadTrainable())(t)
	}
	losses, values := run()
	if again, same := run(); !slices.Equal(again, losses) || same.SHA256() != values.SHA256() {
		t.Errorf("losses %v, and %v the second time", losses, again)
	}
}

// TestTowersResume: the state of a run on one device continues on two, and the other way round.
func TestTowersResume(t *testing.T) {
	t.Parallel()
	c := setting{method: "dtl", dropPath: 0.5, batch: 6, adapter: randomAdapter}
	one := c.start(t)
	want := trainSteps(t, one, 4, 1e-2)
	c.places = cpus(2)
	towers := c.start(t)
	images, labels := someBatch(one.Trainer, 1)
	for step := range 2 {
		must(towers.Step(images, labels, 1e-2, step))(t)
	}
	state := must(towers.ReadTrainable())(t)
	for name, v := range must(towers.ReadOptimizer())(t) {
		state[name] = v
	}
	c.places = nil
	rest := c.start(t)
	if err := rest.Restore(state); err != nil {
		t.Fatal(err)
	}
	for step := 2; step < 4; step++ {
		if got := must(rest.Step(images, labels, 1e-2, step))(t); math.Abs(got-want[step]) > 1e-4*want[step] {
			t.Errorf("step %d after two steps on two devices: loss %v, on one throughout %v", step, got, want[step])
		}
	}
}

// TestTowersPredict: logits and stored values do not depend on the number of devices, nor on whether there are fewer images than
// devices.
func TestTowersPredict(t *testing.T) {
	t.Parallel()
	c := setting{method: "dtl", batch: 7, adapter: randomAdapter}
	one := c.start(t)
	c.places = cpus(3)
	towers := c.start(t)
	images, _ := someBatch(one.Trainer, 1)
	for _, n := range []int{7, 2, 1} {
		some := must(tensor.Part(images, 0, n))(t)
		got, want := must(towers.Logits(some))(t), must(one.Logits(some))(t)
		if !slices.Equal(got.Shape, want.Shape) || relative(floats(got), floats(want)) > 1e-6 {
			t.Errorf("%d images: logits %v, want %v", n, got, want)
		}
		stored, wanted := must(towers.ComputeStored(some))(t), must(one.ComputeStored(some))(t)
		if len(stored) != len(wanted) {
			t.Fatalf("%d stored values, want %d", len(stored), len(wanted))
		}
		for i := range wanted {
			if !slices.Equal(stored[i].Shape, wanted[i].Shape) || relative(floats(stored[i]), floats(wanted[i])) > 1e-6 {
				t.Errorf("%d images: stored value %d differs", n, i)
			}
		}
	}
}

// TestTowersStoredLogits: logits from stored values do not depend on the number of devices either.
func TestTowersStoredLogits(t *testing.T) {
	t.Parallel()
	c := setting{method: "dtl", batch: 7, adapter: randomAdapter}
	one := c.startStored(t, graph.FP32)
	c.places = cpus(3)
	towers := c.startStored(t, graph.FP32)
	images, _ := someBatch(one.Trainer, 1)
	for _, n := range []int{7, 2} {
		values := must(one.ComputeStored(must(tensor.Part(images, 0, n))(t)))(t)
		got, want := must(towers.StoredLogits(values))(t), must(one.StoredLogits(values))(t)
		if !slices.Equal(got.Shape, want.Shape) || relative(floats(got), floats(want)) > 1e-6 {
			t.Errorf("%d images: logits %v, want %v", n, got, want)
		}
	}
}

// TestTowersSpread: each device does its share of the step: heavy nodes run on all of them.
func TestTowersSpread(t *testing.T) {
	t.Parallel()
	s := setting{method: "dtl", batch: 4, places: cpus(2)}.start(t)
	images, labels := someBatch(s.Trainer, 1)
	trace := must(s.Trace(images, labels, 1e-3, 0))(t)
	products := productsByDevice(trace)
	if a, b := products["CPU:0"], products["CPU:1"]; a == 0 || a != b {
		t.Errorf("products by device %v, want as many on CPU:1 as on CPU:0", products)
	}
}

// productsByDevice counts the matrix products of a traced run.
func productsByDevice(trace *pb.RunMetadata) map[string]int {
	count := map[string]int{}
	for _, device := range trace.GetStepStats().GetDevStats() {
		_, name, _ := strings.Cut(device.GetDevice(), "/device:")
		for _, node := range device.GetNodeStats() {
			if strings.Contains(node.GetTimelineLabel(), "MatMul(") || strings.Contains(node.GetTimelineLabel(), "MatMulV2(") {
				count[name]++
			}
		}
	}
	return count
}

// TestTowersRefused: devices that can't share the work, and batches that are too small for them, are errors.
func TestTowersRefused(t *testing.T) {
	t.Parallel()
	method, _, err := newMethod("dtl", nil, two)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Arch: two, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 3, Places: []graph.Place{"/device:CPU:0", "/device:GPU:0"}}
	if _, err := New(c); err == nil || err.Error() != "devices cpu:0 and gpu:0 can't share the work: use devices of one kind" {
		t.Errorf("two kinds: %v", err)
	}
	c.Places = []graph.Place{"/device:CPU:0", "/device:CPU:0"}
	if _, err := New(c); err == nil || err.Error() != "device cpu:0 is named twice" {
		t.Errorf("the same twice: %v", err)
	}
	c.Places = cpus(3)
	_, err = NewImageTrainer(must(New(c))(t), Training{Batch: 4, MicroBatch: 2}, Start{Session: threads, Weights: must(randomWeights(two))(t)})
	if want := "2 images at a time can't be divided among 3 devices: use a larger batch or micro-batch, or fewer devices"; err == nil || err.Error() != want {
		t.Errorf("2 images on 3 devices: %v", err)
	}
	want := "the memory of training on 3 devices can't be told without a step: tell that of one device"
	if _, err := must(New(c))(t).ForecastImages(Training{Batch: 4}, threads); err == nil || err.Error() != want {
		t.Errorf("forecast on 3 devices: %v", err)
	}
	if _, err := must(New(c))(t).ForecastPrediction(4, threads); err == nil || err.Error() != want {
		t.Errorf("forecast of predictions on 3 devices: %v", err)
	}
}
