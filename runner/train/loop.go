package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// Loop runs the epochs of a training run over batches of type B.
//
// Ctrl-C is the cancellation of Run's context. The step under way is finished, no hook of an
// incomplete epoch's end is called, and the OnEnd hooks always are.
type Loop[B any] struct {
	Hooks

	Epochs    int // all epochs of the run
	Start     int // epochs already done, for a resumed run
	StartStep int // steps already done in them

	// StepsPerEpoch is for showing progress and for telling a cut-off epoch from a complete
	// one; 0 means unknown.
	StepsPerEpoch int

	// Batches gives the batches of an epoch, counted from 1, in an order of its own.
	Batches func(ctx context.Context, epoch int) iter.Seq2[B, error]

	// Step does one update at the given learning rate and returns the loss before it. Steps are
	// counted from 1 over the whole run, as AdamW's bias correction wants them.
	Step func(batch B, rate float64, step int) (loss float64, err error)

	// Rate is the learning rate of an epoch, counted from 1.
	Rate func(epoch int) float64

	// Size is the number of images in a batch; nil counts none.
	Size func(batch B) int

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Summary is what a run has done, filled in also where it ended in an error.
type Summary struct {
	Epochs    int     // complete epochs, those before Start included
	Steps     int     // steps, those before StartStep included
	Images    int     // images seen in this run
	MeanLoss  float64 // mean loss of the last epoch that had a step
	Timing    Timing  // seconds of a step
	InputWait time.Duration
	Elapsed   time.Duration
}

// ImagesPerSecond is the rate over the whole run, waiting for input and hooks included.
func (s Summary) ImagesPerSecond() float64 {
	if s.Elapsed <= 0 {
		return 0
	}
	return float64(s.Images) / s.Elapsed.Seconds()
}

// Run trains the epochs Start+1 to Epochs. Its error is an *InterruptedError when ctx was
// cancelled, a *DivergedError when a loss was not finite, and otherwise that of a batch, a step
// or a hook, with epoch and step in front.
func (l *Loop[B]) Run(ctx context.Context) (Summary, error) {
	r := run[B]{Loop: l, now: l.Now}
	if r.now == nil {
		r.now = time.Now
	}
	r.begun = r.now()
	r.info = Info{
		Epoch: l.Start, Epochs: l.Epochs, Start: l.Start,
		Step: l.StartStep, StepsPerEpoch: l.StepsPerEpoch,
	}
	r.sum = Summary{Epochs: l.Start, Steps: l.StartStep}

	err := call(l.start, r.info)
	for epoch := l.Start + 1; err == nil && epoch <= l.Epochs; epoch++ {
		err = r.epoch(ctx, epoch)
	}
	r.clock()
	r.info.Err = err
	err = errors.Join(err, callAll(l.end, r.info))
	r.sum.Timing = r.watch.timing()
	return r.sum, unjoin(err)
}

// run is the state of one call of Run.
type run[B any] struct {
	*Loop[B]
	now        func() time.Time
	begun      time.Time
	epochBegun time.Time
	info       Info
	sum        Summary
	watch      stopwatch
	lossSum    float64
}

// epoch trains one epoch and calls its end hooks if it was complete.
func (r *run[B]) epoch(ctx context.Context, epoch int) error {
	r.epochBegun = r.now()
	r.lossSum = 0
	r.info.Epoch, r.info.Rate = epoch, r.Rate(epoch)
	r.info.StepInEpoch, r.info.Images, r.info.MeanLoss = 0, 0, 0
	if ctx.Err() != nil {
		return r.interrupted(ctx)
	}

	asked := r.epochBegun
	for batch, err := range r.Batches(ctx, epoch) {
		r.sum.InputWait += r.now().Sub(asked)
		if err != nil {
			if ctx.Err() != nil { // the loader only passes on that we stop
				return r.interrupted(ctx)
			}
			return fmt.Errorf("epoch %d, batch %d: %w", epoch, r.info.StepInEpoch+1, err)
		}
		if err := r.step(batch); err != nil {
			return err
		}
		if r.cutOff(ctx) {
			return r.interrupted(ctx)
		}
		asked = r.now()
	}
	if r.cutOff(ctx) { // a loader may also just end when ctx does
		return r.interrupted(ctx)
	}
	if r.info.StepInEpoch == 0 {
		return fmt.Errorf("epoch %d has no batch: are there fewer images than the batch size?", epoch)
	}
	r.clock()
	r.sum.Epochs = epoch
	if err := call(r.epochEnd, r.info); err != nil {
		return fmt.Errorf("after epoch %d: %w", epoch, err)
	}
	return nil
}

// step does one step and its bookkeeping.
func (r *run[B]) step(batch B) error {
	i := &r.info
	begun := r.now()
	loss, err := r.Step(batch, i.Rate, i.Step+1)
	if err != nil {
		return fmt.Errorf("epoch %d, step %d: %w", i.Epoch, i.Step+1, err)
	}
	r.watch.add(r.now().Sub(begun).Seconds())
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return &DivergedError{Epoch: i.Epoch, Step: i.Step + 1, Loss: loss, Rate: i.Rate}
	}
	i.Step++
	i.StepInEpoch++
	r.lossSum += loss
	i.Loss, i.MeanLoss = loss, r.lossSum/float64(i.StepInEpoch)
	if r.Size != nil {
		n := r.Size(batch)
		i.Images += n
		i.TotalImages += n
	}
	r.sum.Steps, r.sum.Images, r.sum.MeanLoss = i.Step, i.TotalImages, i.MeanLoss
	r.clock()
	if err := call(r.Hooks.step, r.info); err != nil {
		return fmt.Errorf("epoch %d, step %d: %w", i.Epoch, i.Step, err)
	}
	return nil
}

// cutOff reports whether ctx ended before the epoch did. A cancellation during the last step
// leaves a complete epoch, whose end hooks should still be called.
func (r *run[B]) cutOff(ctx context.Context) bool {
	complete := r.StepsPerEpoch > 0 && r.info.StepInEpoch >= r.StepsPerEpoch
	return ctx.Err() != nil && !complete
}

func (r *run[B]) interrupted(ctx context.Context) error {
	return &InterruptedError{Epoch: r.info.Epoch, Step: r.info.Step, Cause: ctx.Err()}
}

func (r *run[B]) clock() {
	now := r.now()
	r.info.Elapsed = now.Sub(r.begun)
	if !r.epochBegun.IsZero() {
		r.info.EpochElapsed = now.Sub(r.epochBegun)
	}
	r.sum.Elapsed = r.info.Elapsed
}

// unjoin takes a single error out of the wrapper that errors.Join puts around it.
func unjoin(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) == 1 {
		return many.Unwrap()[0]
	}
	return err
}
