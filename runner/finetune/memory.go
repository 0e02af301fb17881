package finetune

import (
	"cmp"
	"os"
	"runtime/debug"
	"slices"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// Fixed names the settings of the step that the user gave, so that --memory leaves them alone.
type Fixed struct{ Recompute, MicroBatch bool }

func (c *Config) memorySettings() []runner.Setting {
	return []runner.Setting{{
		Name: "memory", Group: runner.GroupMachine, Value: &c.Memory,
		Help: "memory that the whole process may take, a `size` such as 8GB: chooses --recompute and --micro-batch, the fastest that fit, before the first step (see 'dtl-tf plan')",
	}}
}

// limit is the value of --memory in bytes, 0 if it is not given.
func (c Config) limit() (int64, error) {
	if c.Memory == "" {
		return 0, nil
	}
	return runner.ParseSize("memory", c.Memory)
}

func (c Config) checkMemory() error {
	limit, err := c.limit()
	if limit > 0 && c.Cluster != "" {
		return errNoClusterForecast
	}
	return err
}

// choice is a way to run a step.
type choice struct {
	recompute graph.Recompute
	micro     int // images of a micro-batch, 0 for the whole batch
}

// words are the settings of a choice as the user types them.
func (w choice) words() string {
	words := "--recompute " + string(w.recompute)
	if w.micro > 0 {
		words += " --micro-batch " + report.Thousands(w.micro)
	}
	return words
}

// gpuMicroBatch is what quickMicroBatch takes for a GPU, where it was not measured.
const gpuMicroBatch = 4

// quickMicroBatch is the least number of images of a micro-batch with which a step takes less time than with blocks. On a processor these are
// half a chunk (graph.DefaultChunk) of the middle block: 2 for ViT-B/16, 8 for ViT-Ti/16 and 4 for Swin-T, measured in float32 (docs/memory.md).
// With fewer, matrix products are too narrow.
func quickMicroBatch(a backbone.Architecture, device graph.Device) int {
	if device == graph.GPU {
		return gpuMicroBatch
	}
	blocks := a.Blocks()
	middle := blocks[len(blocks)/2]
	half, values := graph.DefaultChunk/2, middle.Tokens()*middle.Width
	return max(1, (half+values/2)/values)
}

// choices lists the ways to run a step from the fastest to the slowest. A step takes 1.00 to 1.05 times as long with activations as
// with none, and 1.12 to 1.25 times with blocks (docs/memory.md). Micro-batches cost little down to quick images, so they come before blocks,
// and smaller ones after.
func choices(batch int, fixed Fixed, c runner.StepConfig, quick int) []choice {
	var large, small []int
	for n := batch - 1; n > 0; n-- {
		switch {
		case batch%n != 0:
		case n >= quick:
			large = append(large, n)
		default:
			small = append(small, n)
		}
	}
	var list []choice
	if c.MicroBatch == batch {
		c.MicroBatch = 0
	}
	add := func(r graph.Recompute, sizes ...int) {
		for _, n := range sizes {
			if (!fixed.Recompute || r == c.Recompute) && (!fixed.MicroBatch || n == c.MicroBatch) {
				list = append(list, choice{r, n})
			}
		}
	}
	const none, activations, blocks = graph.RecomputeNone, graph.RecomputeActivations, graph.RecomputeBlocks
	add(none, 0)
	if fixed.MicroBatch || fixed.Recompute && c.Recompute == none {
		add(none, slices.Concat(large, small)...)
	}
	add(activations, 0)
	add(activations, large...)
	add(blocks, 0)
	add(blocks, large...)
	add(activations, small...)
	add(blocks, small...)
	return list
}

// needs estimates the memory of a plan's run. It remembers what it has computed.
type needs struct {
	*plan
	program, predict int64
	known            map[choice]result.Need
}

func (p *plan) needs() *needs { return &needs{plan: p, known: map[choice]result.Need{}} }

// of estimates the memory that the process takes for a choice.
func (n *needs) of(w choice) (result.Need, error) {
	if w.micro == n.config.Batch {
		w.micro = 0
	}
	if need, ok := n.known[w]; ok {
		return need, nil
	}
	c := n.config
	c.Recompute, c.MicroBatch = w.recompute, w.micro
	session := c.SessionOptions()
	m, err := dtl.New(c.model(n.backbone, n.method, n.data.classes, n.devices))
	if err != nil {
		return result.Need{}, err
	}
	f, err := m.ForecastImages(c.training(), session)
	if err != nil {
		return result.Need{}, err
	}
	if n.predict == 0 {
		if n.predict, err = m.ForecastPrediction(evalBatch, session); err != nil {
			return result.Need{}, err
		}
	}
	n.program = cmp.Or(n.program, machine.Resident())
	input := int64(0)
	for _, v := range m.Stored(c.training()) {
		input += 4 * int64(tensor.Size(v.Shape)) * int64(c.Batch)
	}
	image := 3 * int64(n.backbone.ImageSize()) * int64(n.backbone.ImageSize())
	input = max(input, image*int64(c.Batch))
	need := result.Need{
		Program: n.program, Weights: f.Weights, Optimizer: f.Optimizer, Accumulators: f.Accumulators,
		Step: f.Peak, Evaluation: max(0, n.predict-f.Peak),
		Copies:  c.copies(m.Trainable.Bytes(), f.Optimizer),
		Batches: (data.DefaultPrefetch+1)*input + f.Input, // those ahead, the current one, and its copy in TensorFlow
	}
	if cached := c.cacheBytes(); cached > 0 {
		need.ImageCache = min(cached, image*int64(len(n.data.items)))
	}
	need.Reserve = (need.Copies+need.Batches+need.ImageCache)*garbagePercent/100 + (need.Total()-need.Program)/slack + growth
	n.known[w] = need
	return need, nil
}

const (
	// garbagePercent is how much garbage Go's heap may hold during a run, in percent of what is in use. Nearly all of the heap is pictures
	// and weights, without pointers, so that collecting it more often costs nothing.
	garbagePercent = 25
	// growth is the memory in bytes by which the program itself grows in training: pages of TensorFlow's code that nothing has used before, its
	// executors, and threads. slack is the share of the other parts, one in slack, that the C library's allocator may hold without using
	// it. Nothing tells the two, so they are measured: see docs/memory.md.
	growth, slack = 80 << 20, 10
)

// limitGarbage keeps the process within its need, unless the user has set GOGC, and returns a function that ends this.
func limitGarbage() func() {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(garbagePercent)
	return func() { debug.SetGCPercent(before) }
}

// copies are the bytes of the copies of a session's values that a run holds at a time.
func (c Config) copies(trainable, optimizer int64) int64 {
	kept := 2 * trainable // the last good ones, and those that are read
	if c.EMA > 0 {
		kept += trainable
	}
	if c.Select == SelectBest {
		kept += trainable
	}
	return kept + optimizer + min(graph.FillBytes, max(optimizer, trainable)) // the optimizer's for a checkpoint; the frozen ones are hashed where they are
}

// pick returns the fastest choice that fits into limit, or an error that names the least that would fit.
func (n *needs) pick(limit int64) (result.Memory, error) {
	var least result.Need
	var with choice
	c := n.config
	for _, w := range choices(c.Batch, c.Fixed, c.StepConfig, quickMicroBatch(n.backbone.Architecture, n.devices.Kind)) {
		need, err := n.of(w)
		if err != nil {
			return result.Memory{}, err
		}
		if need.Total() <= limit {
			return result.Memory{Limit: limit, Recompute: string(w.recompute), MicroBatch: w.micro, Need: need}, nil
		}
		if least == (result.Need{}) || need.Total() < least.Total() {
			least, with = need, w
		}
	}
	switch {
	case c.Fixed.Recompute && c.Fixed.MicroBatch:
		return result.Memory{}, runner.Usagef("--memory %s is too little for %s: that takes %s (%s)", c.Memory, with.words(), report.Bytes(least.Total()), Parts(least))
	case c.Fixed.Recompute:
		return result.Memory{}, runner.Usagef("--memory %s is too little with --recompute %s: the least is %s, with %s (%s)", c.Memory, c.Recompute, report.Bytes(least.Total()), with.words(), Parts(least))
	case c.Fixed.MicroBatch:
		return result.Memory{}, runner.Usagef("--memory %s is too little with --micro-batch %d: the least is %s, with %s (%s)", c.Memory, c.MicroBatch, report.Bytes(least.Total()), with.words(), Parts(least))
	}
	return result.Memory{}, runner.Usagef("--memory %s is too little for this backbone, method and batch: the least is %s, with %s (%s)", c.Memory, report.Bytes(least.Total()), with.words(), Parts(least))
}

// settleMemory chooses how to run a step, if --memory is given. A resumed run keeps what it began with.
func (p *plan) settleMemory(folder *result.Folder, note runner.NoteFunc) error {
	limit, err := p.config.limit()
	if limit == 0 {
		return err
	}
	if err := checkForecast(p.devices); err != nil {
		return err
	}
	if p.config.Resume {
		if old, err := result.ReadRun(folder.Path(result.RunFile)); err == nil && old.Memory != nil {
			p.memory = old.Memory
			p.config.Recompute, p.config.MicroBatch = graph.Recompute(old.Memory.Recompute), old.Memory.MicroBatch
			note("memory: %s, as the run began", choice{p.config.Recompute, p.config.MicroBatch}.words())
			return nil
		}
	}
	m, err := p.needs().pick(limit)
	if err != nil {
		return err
	}
	p.memory = &m
	p.config.Recompute, p.config.MicroBatch = graph.Recompute(m.Recompute), m.MicroBatch
	note("memory: %s takes %s of %s (%s)", choice{p.config.Recompute, m.MicroBatch}.words(), report.Bytes(m.Need.Total()), p.config.Memory, Parts(m.Need))
	debug.FreeOSMemory()
	return nil
}

var errNoClusterForecast = runner.Usagef("--memory and 'dtl-tf plan' are for training in one process: leave --cluster out")

// checkForecast returns an error if devices are not those whose memory the graph tells.
func checkForecast(d runner.Devices) error {
	switch {
	case d.Kind == graph.GPU:
		return runner.Usagef("--memory is for training on a CPU: TensorFlow reports what a step takes of a GPU only when it runs (dtl-tf compare measures it)")
	case len(d.Places) > 1:
		return runner.Usagef("--memory and 'dtl-tf plan' are for training on one device: leave --devices out")
	}
	return nil
}

// Parts lists the parts of a need in words.
func Parts(n result.Need) string {
	list := ""
	for _, part := range []struct {
		what  string
		bytes int64
	}{
		{"program", n.Program}, {"weights", n.Weights}, {"optimizer", n.Optimizer}, {"accumulators", n.Accumulators}, {"step", n.Step}, {"evaluation", n.Evaluation},
		{"copies of weights", n.Copies}, {"batches", n.Batches}, {"decoded images", n.ImageCache}, {"reserve", n.Reserve},
	} {
		if part.bytes == 0 {
			continue
		}
		if list != "" {
			list += ", "
		}
		list += part.what + " " + report.Bytes(part.bytes)
	}
	return list
}
