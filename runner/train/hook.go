package train

import (
	"encoding/json"
	"fmt"
	"time"
)

// Info is a copy of the state of a run, for hooks.
type Info struct {
	Epoch  int // from 1; Start before the first step
	Epochs int // all epochs of the run
	Start  int // epochs done before a resumed run

	Step          int // steps done, including those before a resumed run
	StepInEpoch   int // steps done in this epoch
	StepsPerEpoch int // 0 if unknown

	Loss     float64 // of the last step
	MeanLoss float64 // over the steps of this epoch so far
	Rate     float64 // learning rate of this epoch

	Images       int // images seen in this epoch
	TotalImages  int // images seen in this run
	Elapsed      time.Duration
	EpochElapsed time.Duration
	InputWait    time.Duration // time that steps of this run waited for a batch

	Look *Look // the latest of this process; nil before the first
	Last bool  // in OnEpochEnd, whether no epoch follows, also because Loop.Look has stopped the run

	Err error // in OnEnd, why the run stopped early; nil if all epochs were done
}

// ImagesPerSecond is the rate of this epoch so far, including waits for input; 0 before the clock has moved.
func (i Info) ImagesPerSecond() float64 {
	if i.EpochElapsed <= 0 {
		return 0
	}
	return float64(i.Images) / i.EpochElapsed.Seconds()
}

// Look is a measurement on validation images after an epoch.
type Look struct {
	Epoch int      `json:"epoch"`
	Top1  float64  `json:"top1"`          // percent
	MAP   *float64 `json:"map,omitempty"` // mean average precision from 0 to 1, in the place of Top1 if an image has any number of classes
	Loss  float64  `json:"loss"`          // mean cross-entropy
}

// Score is what a look is compared by, in percent.
func (l Look) Score() float64 {
	if l.MAP != nil {
		return 100 * *l.MAP
	}
	return l.Top1
}

// MarshalJSON implements json.Marshaler. It leaves out Top1 beside MAP.
func (l Look) MarshalJSON() ([]byte, error) {
	if l.MAP == nil {
		type plain Look
		return json.Marshal(plain(l))
	}
	return json.Marshal(struct {
		Epoch int     `json:"epoch"`
		MAP   float64 `json:"map"`
		Loss  float64 `json:"loss"`
	}{l.Epoch, *l.MAP, l.Loss})
}

// Hook observes a run. Its error stops the run, so that a file that can't be written is reported at once.
type Hook func(Info) error

// Hooks are called at points of a loop, in the order in which they were attached. The zero value is ready for use.
type Hooks struct{ start, step, epochEnd, end []Hook }

// OnStart attaches a hook that is called once before the first epoch.
func (h *Hooks) OnStart(name string, hook Hook) { h.start = append(h.start, named(name, hook)) }

// OnStep attaches a hook that is called after each step. Its time counts neither as step time nor as waiting for input.
func (h *Hooks) OnStep(name string, hook Hook) { h.step = append(h.step, named(name, hook)) }

// OnEpochEnd attaches a hook that is called after the last step of each complete epoch.
func (h *Hooks) OnEpochEnd(name string, hook Hook) {
	h.epochEnd = append(h.epochEnd, named(name, hook))
}

// OnEnd attaches a hook that is called once at the end, however the run ended: see Info.Err. All OnEnd hooks are called, even if
// an earlier one fails.
func (h *Hooks) OnEnd(name string, hook Hook) { h.end = append(h.end, named(name, hook)) }

// named adds the name to the errors of a hook.
func named(name string, hook Hook) Hook {
	return func(info Info) error {
		if err := hook(info); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
}

// call runs hooks until one fails.
func call(hooks []Hook, info Info) error {
	for _, hook := range hooks {
		if err := hook(info); err != nil {
			return err
		}
	}
	return nil
}
