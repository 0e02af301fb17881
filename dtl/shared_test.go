package dtl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// oneTask describes a task of a test, and the number of blocks of its prefix.
type oneTask struct {
	name, method string
	options      Options
	pool         backbone.Pool // "": the method's
	classes      int
	from         int
}

// build returns the task, with random values in all tensors if adapter is nil, and its model.
func (o oneTask) build(t *testing.T, c Config, weights, adapter tensor.Map) (Task, *Model) {
	t.Helper()
	method, _, err := newMethod(o.method, o.options, c.Arch)
	expect.NoError(t, err)
	c.Method, c.Pool, c.Classes = method, o.pool, o.classes
	if c.Pool == "" {
		c.Pool = backbone.DefaultPool(c.Arch, method.Pool())
	}
	model := must(New(c))(t)
	if adapter == nil {
		adapter = randomAdapter(model)
		for _, v := range model.Trainable.All() { // backbone weights that the method trains
			if _, ok := adapter[v.Name]; !ok {
				adapter[v.Name] = weights[v.Name].Clone()
				addNoise(tensor.Map{v.Name: adapter[v.Name]}, 0.1)
			}
		}
	}
	return Task{Name: o.name, Method: method, Pool: c.Pool, Classes: o.classes, Adapter: adapter}, model
}

// single is build, but returns the logits of a separate Predictor instead of the model.
func (o oneTask) single(t *testing.T, c Config, weights, adapter tensor.Map, images tensor.Tensor) (Task, tensor.Tensor) {
	t.Helper()
	task, model := o.build(t, c, weights, adapter)
	return task, must(open(t, model, weights, 0, task.Adapter).Logits(images))(t)
}

func someImages(a backbone.Architecture, n int) tensor.Tensor {
	images := tensor.Zeros(n, a.ImageSize(), a.ImageSize(), 3)
	addNoise(tensor.Map{"images": images}, 1)
	return images
}

func openShared(t *testing.T, c Config, weights tensor.Map) *Shared {
	t.Helper()
	return closed(t, must(NewShared(c, Start{Session: threads, Weights: weights}))(t))
}

// TestSharedEqualsSingle: methods, options, pools and numbers of classes mix, and each task's logits equal those of a separate
// predictor, bit for bit in float32. What they share follows from where the methods act.
func TestSharedEqualsSingle(t *testing.T) {
	tasks := []oneTask{
		{"half", "dtl", nil, "", 3, 3},
		{"other values", "dtl", nil, "", 7, 3},
		{"early", "dtl", Options{"feedback-from": "0"}, "", 4, 1},
		{"class token", "dtl", Options{"rank": "3", "beta": "10"}, backbone.PoolClass, 3, 3},
		{"plus", "dtl+", nil, "", 2, 3},
		{"linear", "linear", nil, "", 5, 4},
		{"linear mean", "linear", nil, backbone.PoolMean, 5, 4},
		{"ladder", "lst", nil, "", 3, 4},
		{"bypass", "res-tuning-bypass", nil, "", 3, 4},
		{"queries", "vqt", nil, "", 3, 4},
		{"low rank", "lra", nil, "", 3, 4},
	}
	for _, method := range Names() {
		if !slices.ContainsFunc(tasks, func(o oneTask) bool { return o.method == method }) {
			tasks = append(tasks, oneTask{name: method, method: method, classes: 3})
		}
	}
	c := Config{Arch: micro, Std: [3]float64{1, 1, 1}, FloatImages: true}
	weights := must(randomWeights(micro))(t)
	addNoise(weights, 0.05)
	images := someImages(micro, 5)
	s := openShared(t, c, weights)
	var names []string
	var want []tensor.Tensor
	for _, o := range tasks {
		task, logits := o.single(t, c, weights, nil, images)
		expect.NoError(t, s.Add(task))
		names, want = append(names, o.name), append(want, logits)
	}
	if got := s.Tasks(); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
		t.Errorf("tasks %v, want %v", got, names)
	}
	got := must(s.Logits(images, names...))(t)
	for i, o := range tasks {
		sameLogits(t, o.name, got[i], want[i], 0)
		alone := must(s.Logits(images, o.name))(t)
		sameLogits(t, o.name+" alone", alone[0], want[i], 0)
	}
	d := must(s.Sharing(names...))(t)
	blocks := 4 // of the linear tasks and of LST
	for i, o := range tasks {
		blocks += micro.Depth - o.from
		if d.Tasks[i].From != o.from || d.Tasks[i].Task != o.name {
			t.Errorf("%s: starts from block %d, want %d", o.name, d.Tasks[i].From, o.from)
		}
	}
	if d.Depth != 4 || d.Prefix != 4 || d.Blocks() != blocks || d.Apart() != 4*len(tasks) {
		t.Errorf("%+v: %d blocks of %d, want %d", d, d.Blocks(), d.Apart(), blocks)
	}
	d = must(s.Sharing("half", "plus", "lora"))(t)
	if d.Prefix != 3 || d.Blocks() != 3+1+1+4 {
		t.Errorf("%+v", d)
	}
}

// sameLogits checks |got - want| <= tolerance * max|want|, bits if tolerance is 0.
func sameLogits(t *testing.T, what string, got, want tensor.Tensor, tolerance float64) {
	t.Helper()
	if !slices.Equal(got.Shape, want.Shape) {
		t.Errorf("%s: logits %v, want %v", what, got.Shape, want.Shape)
		return
	}
	if off := relative(floats(got), floats(want)); !(off <= tolerance) {
		t.Errorf("%s: logits are off by %.3g", what, off)
	}
}

// TestSharedCounts: on ViT-B/16 ten tasks of DTL run 57 blocks of 120, and of linear probes and LST 12 of 120.
func TestSharedCounts(t *testing.T) {
	a := must(backbone.Parse("vit:image=16,patch=8,width=12,depth=12,heads=2,mlp=12"))(t)
	for method, want := range map[string]int{"dtl": 57, "dtl+": 57, "linear": 12, "lst": 12, "res-tuning-bypass": 12, "vqt": 12, "lra": 12, "lora": 120} {
		weights := must(randomWeights(a))(t)
		c := Config{Arch: a, Std: [3]float64{1, 1, 1}, FloatImages: true}
		s := openShared(t, c, weights)
		var names []string
		var adapter tensor.Map
		for i := range 10 {
			o := oneTask{name: fmt.Sprint(i), method: method, classes: 2}
			task, _ := o.build(t, c, weights, adapter)
			adapter = task.Adapter
			expect.NoError(t, s.Add(task))
			names = append(names, o.name)
		}
		d := must(s.Sharing(names...))(t)
		if d.Blocks() != want || d.Apart() != 120 {
			t.Errorf("%s: %d blocks of %d, want %d of 120", method, d.Blocks(), d.Apart(), want)
		}
		if len(s.kinds) != 1 {
			t.Errorf("%s: the graph has %d parts for tasks that differ in their adapters alone", method, len(s.kinds))
		}
	}
}

// TestSharedChanges: tasks come, change and go while others run, and every answer is that of the task's old or new adapter.
func TestSharedChanges(t *testing.T) {
	c := Config{Arch: micro, Std: [3]float64{1, 1, 1}, FloatImages: true}
	weights := must(randomWeights(micro))(t)
	images := someImages(micro, 2)
	s := openShared(t, c, weights)
	fixed, wantFixed := oneTask{name: "fixed", method: "dtl", classes: 3}.single(t, c, weights, nil, images)
	old, wantOld := oneTask{name: "swapped", method: "dtl", classes: 4}.single(t, c, weights, nil, images)
	changed := tensor.Map{}
	for name, v := range old.Adapter {
		changed[name] = v.Clone()
	}
	addNoise(changed, 1)
	fresh, wantNew := oneTask{name: "swapped", method: "dtl", classes: 4}.single(t, c, weights, changed, images)
	expect.NoError(t, s.Add(fixed))
	expect.NoError(t, s.Add(old))
	var group errgroup.Group
	for range 3 {
		group.Go(func() error {
			for range 30 {
				got, err := s.Logits(images, "fixed", "swapped")
				if err != nil {
					return err
				}
				if relative(floats(got[0]), floats(wantFixed)) != 0 {
					return errors.New("the fixed task changed")
				}
				if relative(floats(got[1]), floats(wantOld)) != 0 && relative(floats(got[1]), floats(wantNew)) != 0 {
					return errors.New("the swapped task is neither old nor new")
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		for i := range 40 {
			task := []Task{fresh, old}[i%2]
			if err := s.Add(task); err != nil {
				return err
			}
			task.Name = "passing"
			if err := errors.Join(s.Add(task), s.Remove("passing")); err != nil {
				return err
			}
		}
		return nil
	})
	expect.NoError(t, group.Wait())
	if len(s.kinds) != 1 {
		t.Errorf("%d kinds, want 1", len(s.kinds))
	}
	expect.NoError(t, s.Remove("swapped"))
	_, err := s.Logits(images, "fixed", "swapped")
	if expect.Error(t, err, "task swapped"); !errors.Is(err, ErrUnknownTask) {
		t.Errorf("%v is not ErrUnknownTask", err)
	}
	if err := s.Remove("swapped"); !errors.Is(err, ErrUnknownTask) {
		t.Errorf("removed twice: %v", err)
	}
	expect.NoError(t, s.Close())
	_, err = s.Logits(images, "fixed")
	expect.Error(t, err, "fixed")
	expect.Error(t, s.Add(fixed), "closed")
}

// TestSharedRefuses: a task that does not fit changes nothing, and the error names it.
func TestSharedRefuses(t *testing.T) {
	c := Config{Arch: micro, Std: [3]float64{1, 1, 1}, FloatImages: true}
	weights := must(randomWeights(micro))(t)
	images := someImages(micro, 2)
	s := openShared(t, c, weights)
	good, want := oneTask{name: "cats", method: "dtl", classes: 3}.single(t, c, weights, nil, images)
	expect.NoError(t, s.Add(good))
	for why, change := range map[string]func(task *Task){
		"lora_dict.2.lora_A is missing": func(task *Task) { delete(task.Adapter, "lora_dict.2.lora_A") },
		"has shape [3 12], wanted [2 12]": func(task *Task) {
			task.Adapter["lora_dict.2.lora_A"] = tensor.Zeros(3, 12)
		},
		"of 3 and 3 classes, wanted 4": func(task *Task) { task.Classes = 4 },
		"of 3 and 5 classes":           func(task *Task) { task.Adapter[HeadBias] = tensor.Zeros(5) },
		"classifier of 0 classes":      func(task *Task) { task.Classes = 0 },
	} {
		bad := good
		bad.Adapter = tensor.Map{}
		for name, v := range good.Adapter {
			bad.Adapter[name] = v
		}
		change(&bad)
		expect.Error(t, s.Add(bad), "task cats", why)
	}
	sameLogits(t, "cats", must(s.Logits(images, "cats"))(t)[0], want, 0)
}

// TestSharedBF16: in bfloat16 logits may be rounded once more, because TensorFlow adds a bias inside the product only where it knows
// the number of classes.
func TestSharedBF16(t *testing.T) {
	c := Config{Arch: micro, Std: [3]float64{1, 1, 1}, FloatImages: true, Precision: graph.BF16}
	weights := must(randomWeights(micro))(t)
	images := someImages(micro, 2)
	s := openShared(t, c, weights)
	for _, method := range []string{"dtl", "linear", "lst", "res-tuning-bypass", "vqt", "lra", "lora"} {
		task, want := oneTask{name: method, method: method, classes: 3}.single(t, c, weights, nil, images)
		expect.NoError(t, s.Add(task))
		sameLogits(t, method, must(s.Logits(images, method))(t)[0], want, 0x1p-7)
	}
}

// trainsTables is a method that trains the tables of relative positions. Kinds of it differ.
type trainsTables struct {
	base
	kind int
}

func (trainsTables) Trains(weight backbone.Spec) bool {
	return strings.Contains(weight.Name, "relative_position_bias_table")
}

// TestSharedStages: a backbone of several stages, with tables that are derived from its weights once a session. Tasks that train such a
// table derive their own.
func TestSharedStages(t *testing.T) {
	c := Config{Arch: smallSwin, Std: [3]float64{1, 1, 1}, FloatImages: true}
	weights := must(randomWeights(smallSwin))(t)
	addNoise(weights, 0.2)
	images := someImages(smallSwin, 3)
	s := openShared(t, c, weights)
	for _, o := range []oneTask{
		{"dtl", "dtl", Options{"side-from": "0", "feedback-from": "1"}, "", 3, 2}, {"late", "dtl+", nil, "", 3, 3}, {"linear", "linear", nil, "", 3, 4},
		{"lora", "lora", nil, "", 3, 0}, {"bitfit", "bitfit", nil, "", 3, 0}, {"bitfit mean", "bitfit", nil, backbone.PoolMean, 3, 0},
		{"ssf", "ssf", nil, "", 3, 0}, {"prompts", "vpt-deep", Options{"prompts": "3"}, "", 3, 0}, {"more prompts", "vpt-deep", Options{"prompts": "5"}, "", 4, 0},
		{"shallow", "vpt-shallow", Options{"prompts": "3"}, "", 3, 0},
	} {
		task, want := o.single(t, c, weights, nil, images)
		expect.NoError(t, s.Add(task))
		sameLogits(t, o.name, must(s.Logits(images, o.name))(t)[0], want, 0)
		if d := must(s.Sharing(o.name))(t); d.Prefix != o.from {
			t.Errorf("%s: a prefix of %d blocks, want %d", o.name, d.Prefix, o.from)
		}
	}
	var want []tensor.Tensor
	for i, name := range []string{"first", "second"} {
		at := c
		at.Method, at.Pool, at.Classes = trainsTables{base{"tables"}, i}, backbone.PoolMean, 3
		model := must(New(at))(t)
		adapter := must(model.Initial(weights, 0))(t)
		for _, v := range adapter {
			for j := range v.Float32() {
				v.Float32()[j] += float32(i+1) * float32(j%7)
			}
		}
		if len(adapter) != 2+len(smallSwin.Blocks()) {
			t.Fatalf("tables %v", adapter.Names())
		}
		want = append(want, must(open(t, model, weights, 0, adapter).Logits(images))(t))
		expect.NoError(t, s.Add(Task{name, at.Method, at.Pool, at.Classes, adapter}))
	}
	for i, got := range must(s.Logits(images, "first", "second"))(t) {
		sameLogits(t, fmt.Sprint("tables ", i), got, want[i], 0)
	}
}
