// Command benchstep is dtl-tf's side of `make bench`: a process with one model that trains on one batch whenever
// scripts/bench.py asks for it. A command is a line on standard input, the answer a line of JSON on standard output:
//
//	step   {"seconds": ..., "loss": ...}      one training step, measured from feed to loss
//	fill   {"seconds": ...}                   compute the stored values of one batch (only with -store)
//	peak   {"bytes": ..., "at_most": ..., "fed": ..., "resident": ...}   from the trace of one more step; on a GPU also
//	       "gpu", the peak on the GPU alone, and "process", the GPU memory that the process holds according to the driver
//
// With -forecast it only tells from the graph what training takes, without weights: {"parameters": ..., "trainable": ..., "weights": ...,
// "optimizer": ..., "input": ..., "peak": ...}, the bytes of the last four. With -ceiling it only measures large matrix products.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"strings"
	"time"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	_ "dtl-tf/graph/capi/process"
	"dtl-tf/graph/memory"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/cluster"
	"dtl-tf/runner/finetune"
	"dtl-tf/runner/machine"
)

const (
	classes = 100
	// rate and decay only have to change the weights as training does.
	rate  = 1e-3
	decay = 0.05

	version = "benchstep" // for the members of a cluster, which must be of the same build
)

func main() {
	arch := flag.String("backbone", "vit_b16", "architecture, with random weights")
	batch := flag.Int("batch", 8, "images of a step")
	precision := flag.String("precision", "fp32", "fp32 or bf16")
	recompute := flag.String("recompute", "activations", "none, activations or blocks")
	micro := flag.Int("micro-batch", 0, "images of a step that are processed at a time, 0: all")
	store := flag.String("store", "", "train on stored values of this precision instead of images")
	threads := flag.Int("threads", 0, "threads inside one op, 0: all cores")
	method := flag.String("method", "dtl", "method")
	option := flag.String("option", "", "option NAME=VALUE of the method")
	device := flag.String("device", "cpu", "cpu, or gpu: build the graph for the GPU, which must be there")
	chunk := flag.Int("chunk", 0, "values of a chunk, 0: the device's default")
	devices := flag.Int("devices", 1, "processors of TensorFlow that share the batch and the threads")
	members := flag.String("cluster", "", "file of a cluster whose members share the batch: see dtl-tf worker")
	listen := flag.String("listen", "", "with -cluster: be the worker at this address")
	xla := flag.Bool("xla", false, "compile the graph with XLA; its peak is then unknown")
	separate := flag.Bool("separate", true, "with -xla: separate what is recomputed from its first computation")
	trace := flag.String("trace", "", "file that receives the RunMetadata of the last peak")
	forecast := flag.Bool("forecast", false, "tell from the graph what training on images takes and end")
	ceiling := flag.Bool("ceiling", false, "measure matrix products of 2048 x 2048 x 2048 and end")
	flag.Parse()

	err := func() error {
		if *ceiling {
			return printCeiling(*threads)
		}
		if *forecast {
			return printForecast(config{backbone: *arch, batch: *batch, precision: *precision, recompute: *recompute, threads: *threads, method: *method, option: *option, chunk: *chunk})
		}
		if *listen != "" {
			lent := cluster.Worker{Cluster: *members, Listen: *listen, Threads: *threads}
			return lent.Run(context.Background(), runner.UI{Out: os.Stdout, Err: os.Stderr, Quiet: true, Version: version})
		}
		w, err := newWorker(config{
			backbone: *arch, method: *method, batch: *batch, precision: *precision, recompute: *recompute, store: *store,
			device: graph.Device(*device), chunk: *chunk, xla: *xla, separate: *separate, trace: *trace, threads: *threads,
			devices: *devices, cluster: *members, option: *option, micro: *micro,
		})
		if err != nil {
			return err
		}
		defer w.session.Close()
		return w.serve(os.Stdin, os.Stdout)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchstep:", err)
		os.Exit(1)
	}
}

// config is the command line.
type config struct {
	backbone, method, option, precision, recompute, store, trace, cluster string
	device                                                                graph.Device
	batch, chunk, threads, devices, micro                                 int
	xla, separate                                                         bool
}

// worker is a model and the batch that every step trains on.
type worker struct {
	session *dtl.Trainer
	images  tensor.Tensor // [B, S, S, 3] bytes
	labels  []int32
	store   graph.Precision // with -store
	stored  []tensor.Tensor // with -store: fed instead of images
	steps   int             // steps so far
	device  graph.Device
	xla     bool
	file    string // for the trace, "" for none

	train func() (loss float64, err error)
	trace func() (*pb.RunMetadata, error)
}

func newWorker(c config) (*worker, error) {
	arch, err := backbone.Parse(c.backbone)
	if err != nil {
		return nil, err
	}
	p, err := graph.ParsePrecision(c.precision)
	if err != nil {
		return nil, err
	}
	mode, err := graph.ParseRecompute(c.recompute)
	if err != nil {
		return nil, fmt.Errorf("-recompute: %w", err)
	}
	options := graph.SessionOptions{Threads: c.threads, XLA: c.xla}
	if c.device == graph.GPU {
		if found, err := graph.FindDevice(options); err != nil || found != graph.GPU {
			return nil, fmt.Errorf("-device gpu: TensorFlow finds %s only (%w)", found, err)
		}
	}
	for i := range c.devices {
		if c.devices > 1 {
			options.Places = append(options.Places, graph.Place(fmt.Sprintf("/device:CPU:%d", i)))
		}
	}
	if c.cluster != "" {
		if options.Cluster, err = cluster.Lead(context.Background(), c.cluster, c.threads, version, func(string, ...any) {}); err != nil {
			return nil, err
		}
		found, err := runner.StepConfig{Threads: c.threads}.FindDevicesOf(options.Cluster)
		if err != nil {
			return nil, err
		}
		options.Places = found.Places
	}
	w := &worker{device: c.device, xla: c.xla, file: c.trace}
	w.images, w.labels = finetune.RandomBatch(c.batch, arch.ImageSize(), classes)
	if c.store != "" {
		if w.store, err = graph.ParsePrecision(c.store); err != nil {
			return nil, err
		}
	}
	bb, err := backbone.RandomDeferred(arch, 1)
	if err != nil {
		return nil, err
	}
	chosen := runner.MethodConfig{Method: c.method, Options: dtl.Options{}}
	if name, value, given := strings.Cut(c.option, "="); given {
		chosen.Options[name] = value
	}
	method, err := chosen.Resolve(arch)
	if err != nil {
		return nil, err
	}
	model, err := dtl.New(dtl.Config{
		Arch: arch, Mean: bb.Mean, Std: bb.Std, Method: method.Method, Pool: method.Pool, Classes: classes,
		Precision: p, Recompute: mode, Device: c.device, ChunkValues: c.chunk, XLA: c.xla && c.separate, Places: options.Places,
	})
	if err != nil {
		return nil, err
	}
	training := dtl.Training{Batch: c.batch, MicroBatch: c.micro, WeightDecay: decay}
	start := dtl.Start{Session: options, Weights: bb.Weights, Seed: 1}
	if w.store == "" {
		err = w.onImages(model, training, start)
	} else {
		err = w.onStored(model, training, start)
	}
	bb, model, start = nil, nil, dtl.Start{} //nolint:ineffassign // the session has its own copy of the weights
	debug.FreeOSMemory()
	return w, err
}

func (w *worker) onImages(m *dtl.Model, training dtl.Training, start dtl.Start) error {
	t, err := dtl.NewImageTrainer(m, training, start)
	if err != nil {
		return err
	}
	w.session = t.Trainer
	w.train = func() (float64, error) { return t.Step(w.images, w.labels, rate, w.steps) }
	w.trace = func() (*pb.RunMetadata, error) { return t.Trace(w.images, w.labels, rate, w.steps) }
	return nil
}

func (w *worker) onStored(m *dtl.Model, training dtl.Training, start dtl.Start) error {
	t, err := dtl.NewStoredTrainer(m, training, w.store, start)
	if err != nil {
		return err
	}
	w.session = t.Trainer
	w.train = func() (float64, error) { return t.Step(w.stored, w.labels, rate, w.steps) }
	w.trace = func() (*pb.RunMetadata, error) { return t.Trace(w.stored, w.labels, rate, w.steps) }
	_, err = w.fill()
	return err
}

// serve answers commands until the input ends.
func (w *worker) serve(in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	if err := answers.Encode(map[string]any{"ready": true, "tensorflow": tf.Version()}); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		answer, err := w.obey(lines.Text())
		if err != nil {
			return err
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (w *worker) obey(command string) (any, error) {
	switch command {
	case "step":
		w.steps++
		begun := time.Now()
		loss, err := w.train()
		seconds := time.Since(begun).Seconds()
		if err == nil && (math.IsNaN(loss) || math.IsInf(loss, 0)) {
			err = fmt.Errorf("step %d: the loss is %v", w.steps, loss)
		}
		return map[string]float64{"seconds": seconds, "loss": loss}, err
	case "fill":
		seconds, err := w.fill()
		return map[string]float64{"seconds": seconds}, err
	case "peak":
		return w.peak()
	}
	return nil, fmt.Errorf("unknown command %q", command)
}

// fill computes the stored values of a batch in the precision of the store, without writing them to a file.
func (w *worker) fill() (seconds float64, err error) {
	if w.store == "" {
		return 0, errors.New("fill needs -store")
	}
	begun := time.Now()
	values, err := w.session.ComputeStored(w.images)
	if err != nil {
		return 0, err
	}
	if w.store == graph.BF16 {
		for i, v := range values {
			rounded := make([]tensor.BFloat16, len(v.Float32()))
			for j, x := range v.Float32() {
				rounded[j] = tensor.RoundBFloat16(x)
			}
			values[i] = tensor.Must(rounded, v.Shape...)
		}
	}
	w.stored = values
	return time.Since(begun).Seconds(), nil
}

// peak traces a step and replays its allocations.
//
// "bytes" excludes the fed tensors, which exist before the step. For images, PyTorch is counted in the same way. The stored
// values of a cached step replace activations that a step on images computes itself, so a fair figure for the cached step is the
// sum of "bytes" and "fed", the bytes of the stored values: TensorFlow's copy of them is alive from the first node to the last.
// (The memory-mapped file that they are read from is in the system's page cache.)
func (w *worker) peak() (any, error) {
	w.steps++
	metadata, err := w.trace()
	if err != nil {
		return nil, err
	}
	if w.file != "" {
		raw, err := proto.Marshal(metadata)
		if err == nil {
			err = os.WriteFile(w.file, raw, 0o644)
		}
		if err != nil {
			return nil, fmt.Errorf("write the trace: %w", err)
		}
	}
	report, err := memory.Replay(metadata, nil)
	if w.xla && errors.Is(err, memory.ErrNoRecords) {
		return map[string]int64{"process": machine.ProcessOnGPU(os.Getpid())}, nil
	}
	if err != nil {
		return nil, err
	}
	fed := int64(0)
	for _, v := range w.stored {
		fed += int64(w.store.Bytes() * tensor.Size(v.Shape))
	}
	answer := map[string]int64{
		"bytes": report.Peak, "at_most": report.AtMost, "fed": fed, "resident": machine.PeakResident(),
	}
	if w.device == graph.GPU {
		card, err := memory.Replay(metadata, memory.GPU)
		if err != nil {
			return nil, err
		}
		answer["gpu"], answer["gpu_at_most"], answer["process"] = card.Peak, card.AtMost, machine.ProcessOnGPU(os.Getpid())
	}
	return answer, nil
}
