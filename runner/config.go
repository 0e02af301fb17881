package runner

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/train"
)

// UsageError is a mistake in what the user asked for, as opposed to something that went wrong.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap implements the errors package's protocol.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef is a UsageError with a text of its own.
func Usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// UI is where a command talks to its user.
type UI struct {
	Out, Err io.Writer // results; progress and notes
	Quiet    bool      // no progress
	Version  string    // of the program

	// Watch, where it is set, may add hooks to a training loop, such as the progress of something larger.
	Watch func(h *train.Hooks)
}

// BackboneConfig names a backbone and what its file does not say.
type BackboneConfig struct {
	Path      string // "": the built-in default
	Heads     int
	ImageSize int
	Mean, Std *[3]float64

	adapted bool             // an adapter goes with it, and may be in the same file
	eps     float64          // layer_norm_eps that the adapter was trained with, 0: it does not tell
	fixed   backbone.Sources // what the adapter says, and not the user
}

// MethodConfig is what the user said about the method; what is left out comes from the adapter file or
// is the method's default.
type MethodConfig struct {
	Method  string
	Options dtl.Options
	Pool    string
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

// MethodNames lists the methods, for help texts.
func MethodNames() string { return strings.Join(dtl.Names(), ", ") }

// Architectures says what --backbone may be with --init random, for help texts.
func Architectures() string {
	return strings.Join(backbone.Names(), ", ") + ", or a description such as vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384"
}

// MethodOptions lists the options of all methods, for flags.
func MethodOptions() []dtl.OptionHelp { return dtl.AllOptions() }

// FineTuneConfig is everything that shapes a training run.
type FineTuneConfig struct {
	Data, Out         string
	Overwrite, Resume bool
	CheckpointEvery   int
	TensorBoard       bool // write event files into Out
	Holdout           float64
	SkipBadImages     bool
	Backbone          BackboneConfig
	Init, InitAdapter string
	Method            MethodConfig
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

// Larger numbers are rather typing mistakes, and would exhaust the machine.
const (
	mostBatch   = 1e6
	mostThreads = 4096
)

// span is a number of the user's and its limits.
type span struct {
	flag             string
	value, low, high float64
	open             bool // low itself is not allowed
}

func checkRanges(spans ...span) error {
	for _, s := range spans {
		if math.IsNaN(s.value) || s.value < s.low || s.value > s.high || (s.open && s.value == s.low) {
			bound := "at least"
			if s.open {
				bound = "above"
			}
			return Usagef("--%s %s is not possible: it must be %s %v and at most %s", s.flag, number(s.value), bound, s.low, number(s.high))
		}
	}
	return nil
}

// number shows whole numbers as people write them, not as 1e+06.
func number(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return fmt.Sprint(v)
}

// checkMachine is checkRanges for commands that only classify.
func checkMachine(batch, threads int) error {
	return checkRanges(span{"batch", float64(batch), 1, mostBatch, false}, span{"threads", float64(threads), 0, mostThreads, false})
}

// check refuses values that no run can have, before anything is read or written.
func (c FineTuneConfig) check() error {
	if c.Data == "" {
		return Usagef("--data is required: name the folder of a data set")
	}
	if c.Out == "" {
		return Usagef("--out is required: name a folder for the results")
	}
	if c.Overwrite && c.Resume {
		return Usagef("--overwrite and --resume contradict each other: give one of them")
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
			return Usagef("--%s %q is unknown: use one of %s", choice.flag, choice.value, strings.Join(choice.allowed, ", "))
		}
	}
	err := checkRanges(
		span{"epochs", float64(c.Epochs), 1, 1e6, false},
		span{"batch", float64(c.Batch), 1, mostBatch, false},
		span{"lr", c.LearningRate, 0, 1e3, true},
		span{"weight-decay", c.WeightDecay, 0, 1e3, false},
		span{"drop-path", c.DropPath, 0, 0.999, false},
		span{"holdout", c.Holdout, 0, 0.9, false},
		span{"checkpoint-every", float64(c.CheckpointEvery), 0, 1e6, false},
		span{"threads", float64(c.Threads), 0, mostThreads, false},
		span{"image-cache", float64(c.CacheMiB), 0, 1 << 30, false},
	)
	if err != nil {
		return err
	}
	if err := c.CheckMicroBatch(); err != nil {
		return err
	}
	if c.Init == InitRandom && c.Method.Method != "full" {
		return Usagef("--init random needs --method full: nothing else would train the random weights")
	}
	if c.Init == InitRandom && c.Backbone.Path == "" {
		return Usagef("--init random needs an architecture: --backbone with one of %s", Architectures())
	}
	return nil
}

// CheckMicroBatch refuses a micro-batch that the batch can't be cut into.
func (c FineTuneConfig) CheckMicroBatch() error {
	if n := c.MicroBatch; n < 0 || n > c.Batch || n > 0 && c.Batch%n != 0 {
		return Usagef("--micro-batch %d is not possible: --batch is %d, choose one of its divisors", n, c.Batch)
	}
	return nil
}

func (c FineTuneConfig) recompute() graph.Recompute {
	r, _ := graph.ParseRecompute(c.Recompute) // check has refused what is none
	return r
}

// settings is a method with every option resolved.
type settings struct {
	Method  dtl.Method
	Options dtl.Options
	Pool    backbone.Pool
}

// resolve fills in defaults and checks the options against the backbone.
func (c MethodConfig) resolve(a backbone.Architecture) (s settings, err error) {
	if s.Method, s.Options, err = dtl.NewMethod(c.Method, c.Options, a); err != nil {
		return s, &UsageError{err}
	}
	s.Pool = s.Method.Pool()
	if c.Pool != "" {
		if s.Pool, err = backbone.ParsePool(c.Pool); err != nil {
			return s, Usagef("--pool: %w", err)
		}
	}
	return s, nil
}
