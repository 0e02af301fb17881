package runner

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/runner/data"
	"dtl-tf/runner/train"
)

// UsageError is a mistake in what the user asked for, as opposed to something that went wrong.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap implements the errors package's protocol.
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// UI is where a command talks to its user.
type UI struct {
	Out, Err io.Writer // results; progress and notes
	Quiet    bool      // no progress
	Version  string    // of the program
}

// BackboneConfig names a backbone and what its file does not say.
type BackboneConfig struct {
	Path      string // "": the built-in default
	Heads     int
	ImageSize int
	Mean, Std *[3]float64
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
const (
	RecomputeNone        = "none"
	RecomputeActivations = "activations"
)

// DefaultEpochs is the paper's run.
const DefaultEpochs = train.DefaultEpochs

// MethodNames lists the methods, for help texts.
func MethodNames() string { return strings.Join(dtl.Names(), ", ") }

// MethodOptions lists the options of all methods, for flags.
func MethodOptions() []dtl.OptionHelp { return dtl.AllOptions() }

// FineTuneConfig is everything that shapes a training run.
type FineTuneConfig struct {
	Data, Out         string
	Overwrite, Resume bool
	CheckpointEvery   int
	Holdout           float64
	SkipBadImages     bool
	Backbone          BackboneConfig
	Init, InitAdapter string
	Method            MethodConfig
	Epochs, Batch     int
	LearningRate      float64
	WeightDecay       float64
	DropPath          float64
	Schedule          string
	Shuffle           bool
	Augment           string
	Seed              uint64
	Threads           int
	Recompute         string
	CacheMiB          int64
}

// check refuses values that no run can have, before anything is read or written.
func (c FineTuneConfig) check() error {
	if c.Data == "" {
		return usagef("--data is required: name the folder of a data set")
	}
	if c.Out == "" {
		return usagef("--out is required: name a folder for the results")
	}
	if c.Overwrite && c.Resume {
		return usagef("--overwrite and --resume contradict each other: give one of them")
	}
	for _, choice := range []struct {
		flag, value string
		allowed     []string
	}{
		{"init", c.Init, []string{InitPretrained, InitRandom}},
		{"augment", c.Augment, data.Augments()},
		{"recompute", c.Recompute, []string{RecomputeNone, RecomputeActivations}},
		{"schedule", c.Schedule, train.ScheduleNames()},
		{"method", c.Method.Method, dtl.Names()},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return usagef("--%s %q is unknown: use one of %s", choice.flag, choice.value, strings.Join(choice.allowed, ", "))
		}
	}
	for _, n := range []struct {
		flag     string
		value    float64
		low, top float64
		open     bool // low itself is not allowed
	}{
		{"epochs", float64(c.Epochs), 1, 1e6, false},
		{"batch", float64(c.Batch), 1, 1e6, false},
		{"lr", c.LearningRate, 0, 1e3, true},
		{"weight-decay", c.WeightDecay, 0, 1e3, false},
		{"drop-path", c.DropPath, 0, 0.999, false},
		{"holdout", c.Holdout, 0, 0.9, false},
		{"checkpoint-every", float64(c.CheckpointEvery), 0, 1e6, false},
		{"threads", float64(c.Threads), 0, 4096, false},
		{"image-cache", float64(c.CacheMiB), 0, 1 << 30, false},
	} {
		if math.IsNaN(n.value) || n.value < n.low || n.value > n.top || (n.open && n.value == n.low) {
			bound := "at least"
			if n.open {
				bound = "above"
			}
			return usagef("--%s %v is not possible: it must be %s %v and at most %v", n.flag, n.value, bound, n.low, n.top)
		}
	}
	if c.Init == InitRandom && c.Method.Method != "full" {
		return usagef("--init random needs --method full: nothing else would train the random weights")
	}
	if c.Init == InitRandom && c.Backbone.Path == "" {
		return usagef("--init random needs an architecture: --backbone with one of %s, or vit:image=..,patch=..,width=..,depth=..,heads=..,mlp=..", strings.Join(backbone.Names(), ", "))
	}
	return nil
}

func (c FineTuneConfig) recompute() graph.Recompute {
	if c.Recompute == RecomputeActivations {
		return graph.RecomputeActivations
	}
	return graph.KeepAll
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
			return s, usagef("--pool: %w", err)
		}
	}
	return s, nil
}
