package compare

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/internal/stat"
	"dtl-tf/runner/machine"
)

// taskWork is the number of runs of a method: one of each number of tasks and of a predictor for the memory, and as many in each of
// the rounds.
func taskWork(counts []int, rounds int) int { return (1 + rounds) * (1 + len(counts)) }

// taskTrial is what measureTasks runs.
type taskTrial struct {
	request
	config  dtl.Config
	session graph.SessionOptions
	adapter tensor.Map
	images  tensor.Tensor
	shared  *dtl.Shared
	single  *dtl.Predictor
}

// measureTasks measures the tasks of one method. It calls done after each run.
func measureTasks(r request, done func(what string, count int)) (Row, error) {
	t := &taskTrial{request: r, session: graph.SessionOptions{Threads: r.Settings.Threads}}
	device, err := graph.FindDevice(t.session)
	if err != nil {
		return Row{}, err
	}
	empty := resident()
	m := &TaskMeasurement{}
	if err := t.open(device, m); err != nil {
		return Row{}, err
	}
	defer t.shared.Close()
	count := 0
	ran := func(what string) {
		count++
		done(what, count)
	}
	for _, n := range r.Tasks {
		cost, err := t.grow(n)
		if err != nil {
			return Row{}, err
		}
		cost.Stored, cost.StoredBackbone = int64(n)*m.Adapter, int64(n)*(m.Adapter+m.Backbone)
		m.Tasks = append(m.Tasks, cost)
		ran("tasks")
	}
	before := resident()
	if err := t.openSingle(); err != nil {
		return Row{}, err
	}
	defer t.single.Close()
	ran("alone")
	if added := resident() - before; before > 0 {
		for i, n := range r.Tasks {
			m.Tasks[i].ResidentApart = empty + int64(n)*added
		}
	}
	if err := t.time(m.Tasks, ran); err != nil {
		return Row{}, err
	}
	return Row{Method: r.Method, TaskMeasurement: m}, nil
}

// resident is the memory of the process without what Go has freed.
func resident() int64 {
	debug.FreeOSMemory()
	return machine.Resident()
}

// open opens the backbone without tasks, and draws the adapter of all tasks.
func (t *taskTrial) open(device graph.Device, m *TaskMeasurement) error {
	bb, err := load(context.Background(), t.Backbone, t.Settings.Precision.Bytes())
	if err != nil {
		return err
	}
	s, err := runner.MethodConfig{Method: t.Method}.Resolve(bb.Architecture)
	if err != nil {
		return err
	}
	t.config = dtl.Config{
		Arch: bb.Architecture, Mean: bb.Mean, Std: bb.Std, Method: s.Method, Pool: s.Pool, Classes: t.Settings.Classes,
		Precision: t.Settings.Precision, Device: device,
	}
	model, err := dtl.New(t.config)
	if err != nil {
		return err
	}
	if t.adapter, err = model.Initial(bb.Weights, randomSeed); err != nil {
		return err
	}
	m.Adapter = model.Trainable.Bytes()
	t.images, _ = finetune.RandomBatch(t.Settings.Batch, bb.ImageSize(), t.Settings.Classes)
	if t.shared, err = dtl.NewShared(t.config, dtl.Start{Session: t.session, Weights: bb.Weights}); err != nil {
		return err
	}
	m.Backbone = t.shared.Bytes()
	return nil
}

// grow adds tasks until there are n, runs them once, and reads the memory.
func (t *taskTrial) grow(n int) (TaskCost, error) {
	names := tasksOf(n)
	for _, name := range names[len(t.shared.Tasks()):] {
		err := t.shared.Add(dtl.Task{Name: name, Method: t.config.Method, Pool: t.config.Pool, Classes: t.config.Classes, Adapter: t.adapter})
		if err != nil {
			return TaskCost{}, err
		}
	}
	if _, err := t.shared.Logits(t.images, names...); err != nil {
		return TaskCost{}, err
	}
	s, err := t.shared.Sharing(names...)
	return TaskCost{Count: n, Blocks: s.Blocks(), BlocksApart: s.Apart(), Resident: resident()}, err
}

// openSingle opens a predictor of one task, as a process for each task has it, and runs it once.
func (t *taskTrial) openSingle() error {
	bb, err := load(context.Background(), t.Backbone, t.Settings.Precision.Bytes())
	if err != nil {
		return err
	}
	model, err := dtl.New(t.config)
	if err != nil {
		return err
	}
	if t.single, err = dtl.NewPredictor(model, dtl.Start{Session: t.session, Weights: bb.Weights, Adapter: t.adapter}); err != nil {
		return err
	}
	_, err = t.single.Logits(t.images)
	return err
}

// time runs rounds of all numbers of tasks and the predictor in turn, so that whatever else the machine does falls on all.
func (t *taskTrial) time(costs []TaskCost, ran func(what string)) error {
	rounds := t.Settings.Steps
	single, shared := make([]float64, rounds), make([][]float64, len(costs))
	measured := func(run func() error) (float64, error) {
		started := time.Now()
		err := run()
		return time.Since(started).Seconds() / float64(t.Settings.Batch), err
	}
	for round := range rounds {
		var err error
		if single[round], err = measured(func() error { _, err := t.single.Logits(t.images); return err }); err != nil {
			return err
		}
		ran("alone")
		for i, c := range costs {
			seconds, err := measured(func() error { _, err := t.shared.Logits(t.images, tasksOf(c.Count)...); return err })
			if err != nil {
				return err
			}
			shared[i] = append(shared[i], seconds)
			ran("tasks")
		}
	}
	median := func(list []float64) float64 {
		slices.Sort(list)
		return stat.Quantile(list, 0.5)
	}
	one := median(single)
	for i := range costs {
		costs[i].Seconds, costs[i].SecondsApart = median(shared[i]), float64(costs[i].Count)*one
		costs[i].Ratio = costs[i].Seconds / costs[i].SecondsApart
	}
	return nil
}
