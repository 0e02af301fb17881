package train

import (
	"errors"
	"fmt"
	"time"
)

// Info is what a hook is told. It is a copy: a hook cannot change the run through it.
type Info struct {
	Epoch  int // from 1; Start before the first step
	Epochs int // all epochs of the run
	Start  int // epochs that were done before this run began (a resumed run)

	Step          int // steps done since the very first epoch, resumed ones included
	StepInEpoch   int // steps done in this epoch
	StepsPerEpoch int // 0 where it is not known beforehand

	Loss     float64 // of the last step
	MeanLoss float64 // mean over the steps of this epoch so far
	Rate     float64 // learning rate of this epoch

	Images       int // images seen in this epoch
	TotalImages  int // images seen in this run
	Elapsed      time.Duration
	EpochElapsed time.Duration
	InputWait    time.Duration // time of this run in which steps waited for a batch

	// Err says in OnEnd why the run stopped early; nil when all epochs were done.
	Err error
}

// ImagesPerSecond is the rate of this epoch so far, waiting for input included; 0 before the
// clock has moved.
func (i Info) ImagesPerSecond() float64 {
	if i.EpochElapsed <= 0 {
		return 0
	}
	return float64(i.Images) / i.EpochElapsed.Seconds()
}

// Hook watches a run. An error stops the run: a file that cannot be written should not be
// noticed only after the last epoch.
type Hook func(Info) error

type namedHook struct {
	name string
	call Hook
}

// Hooks are the points at which something can attach to a loop. Hooks of one point are called
// in the order in which they were attached. The zero value is ready for use.
type Hooks struct {
	start, step, epochEnd, end []namedHook
}

// OnStart attaches a hook that is called once before the first epoch.
func (h *Hooks) OnStart(name string, hook Hook) { h.start = append(h.start, namedHook{name, hook}) }

// OnStep attaches a hook that is called after each step. Its time counts as neither step time nor
// waiting for input.
func (h *Hooks) OnStep(name string, hook Hook) { h.step = append(h.step, namedHook{name, hook}) }

// OnEpochEnd attaches a hook that is called after the last step of each complete epoch.
func (h *Hooks) OnEpochEnd(name string, hook Hook) {
	h.epochEnd = append(h.epochEnd, namedHook{name, hook})
}

// OnEnd attaches a hook that is called once at the end, however the run ended: Info.Err tells.
// Every OnEnd hook is called, even where an earlier one fails.
func (h *Hooks) OnEnd(name string, hook Hook) { h.end = append(h.end, namedHook{name, hook}) }

// call runs hooks until one fails.
func call(hooks []namedHook, info Info) error {
	for _, h := range hooks {
		if err := h.call(info); err != nil {
			return fmt.Errorf("%s: %w", h.name, err)
		}
	}
	return nil
}

// callAll runs every hook and joins the failures.
func callAll(hooks []namedHook, info Info) error {
	var errs []error
	for _, h := range hooks {
		errs = append(errs, call([]namedHook{h}, info))
	}
	return errors.Join(errs...)
}
