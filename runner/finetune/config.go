package finetune

import (
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/train"
)

// Config is everything that shapes a training run.
type Config struct {
	Data, Out         string
	Overwrite, Resume bool
	CheckpointEvery   int
	TensorBoard       bool // write event files into Out
	Holdout           float64
	SkipBadImages     bool
	Backbone          runner.BackboneConfig
	Init, InitAdapter string
	Method            runner.MethodConfig
	Epochs, Batch     int
	MicroBatch        int
	LearningRate      float64
	WeightDecay       float64
	DropPath          float64
	Schedule          string
	Shuffle           bool
	Augment           string
	Seed              uint64
	Threads           int
	Recompute         string
	Precision         string
	CacheMiB          int64
	FeatureCache      string // FeatureCacheAuto, a folder, or FeatureCacheOff, which "" is too
	CachePrecision    string // of stored values: "" is FP32
	DropPathScope     string // "" is DropPathAll

	TrainSplit, EvalSplit string // "": trainval to train on, test to evaluate on
	Classes               int    // that labels must stay below; 0 takes the number from the data
}

// What --init accepts.
const (
	InitPretrained = "pretrained"
	InitRandom     = "random"
)

// What --augment accepts.
const (
	AugmentNone     = data.AugmentNone
	AugmentFlipCrop = data.AugmentFlipCrop
)

// What --recompute accepts.
var (
	RecomputeNone        = graph.RecomputeNone.String()
	RecomputeActivations = graph.RecomputeActivations.String()
)

// What --precision accepts.
const (
	FP32 = string(graph.FP32)
	BF16 = string(graph.BF16)
)

// DefaultEpochs is the paper's run.
const DefaultEpochs = train.DefaultEpochs

// check refuses values that no run can have, before anything is read or written.
func (c Config) check() error {
	if c.Data == "" {
		return runner.Usagef("--data is required: name the folder of a data set")
	}
	if c.Out == "" {
		return runner.Usagef("--out is required: name a folder for the results")
	}
	if c.Overwrite && c.Resume {
		return runner.Usagef("--overwrite and --resume contradict each other: give one of them")
	}
	for _, choice := range []struct {
		flag, value string
		allowed     []string
	}{
		{"init", c.Init, []string{InitPretrained, InitRandom}},
		{"augment", c.Augment, data.Augments()},
		{"recompute", c.Recompute, graph.Recomputes()},
		{"precision", c.Precision, graph.Precisions()},
		{"cache-precision", c.cachePrecision(), feature.Elements()},
		{"drop-path-scope", c.dropPathScope(), []string{DropPathAll, DropPathSuffix}},
		{"schedule", c.Schedule, train.ScheduleNames()},
		{"method", c.Method.Method, dtl.Names()},
	} {
		left := choice.flag == "method" && choice.value == "" && c.InitAdapter != "" // to the adapter file
		if !left && !slices.Contains(choice.allowed, choice.value) {
			return runner.Usagef("--%s %q is unknown: use one of %s", choice.flag, choice.value, strings.Join(choice.allowed, ", "))
		}
	}
	err := runner.CheckRanges(
		runner.Span{Flag: "epochs", Value: float64(c.Epochs), Low: 1, High: 1e6},
		runner.Span{Flag: "batch", Value: float64(c.Batch), Low: 1, High: runner.MostBatch},
		runner.Span{Flag: "lr", Value: c.LearningRate, High: 1e3, Open: true},
		runner.Span{Flag: "weight-decay", Value: c.WeightDecay, High: 1e3},
		runner.Span{Flag: "drop-path", Value: c.DropPath, High: 0.999},
		runner.Span{Flag: "holdout", Value: c.Holdout, High: 0.9},
		runner.Span{Flag: "checkpoint-every", Value: float64(c.CheckpointEvery), High: 1e6},
		runner.Span{Flag: "threads", Value: float64(c.Threads), High: runner.MostThreads},
		runner.Span{Flag: "image-cache", Value: float64(c.CacheMiB), High: 1 << 30},
	)
	if err != nil {
		return err
	}
	if err := c.CheckMicroBatch(); err != nil {
		return err
	}
	if c.Init == InitRandom && c.Method.Method != "full" {
		return runner.Usagef("--init random needs --method full: nothing else would train the random weights")
	}
	if c.Init == InitRandom && c.Backbone.Path == "" {
		return runner.Usagef("--init random needs an architecture: --backbone with one of %s", runner.Architectures())
	}
	return nil
}

// CheckMicroBatch refuses a micro-batch that the batch can't be cut into.
func (c Config) CheckMicroBatch() error {
	if n := c.MicroBatch; n < 0 || n > c.Batch || n > 0 && c.Batch%n != 0 {
		return runner.Usagef("--micro-batch %d is not possible: --batch is %d, choose one of its divisors", n, c.Batch)
	}
	return nil
}

func (c Config) recompute() graph.Recompute {
	r, _ := graph.ParseRecompute(c.Recompute) // check has refused what is none
	return r
}
