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

	Epochs int      // all epochs of the run
	From   Position // where a resumed run goes on; zero for a fresh start

	// StepsPerEpoch is for showing progress and for telling a cut-off epoch from a complete
	// one; 0 means unknown.
	StepsPerEpoch int

	// Batches gives the batches of an epoch, counted from 1, in an order of its own, without the first
	// skip of them.
	Batches func(ctx context.Context, epoch, skip int) iter.Seq2[B, error]

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
	Position  Position // where it stopped, after a complete step
	Images    int      // images seen in this run
	MeanLoss  float64  // mean loss of the last epoch that had a step
	Timing    Timing   // seconds of a step
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

// Run trains what is left after From. Its error is an *InterruptedError when ctx was
// cancelled, a *DivergedError when a loss was not finite, and otherwise that of a batch, a step
// or a hook, with epoch and step in front.
func (l *Loop[B]) Run(ctx context.Context) (Summary, error) {
	r := run[B]{Loop: l, now: l.Now}
	if r.now == nil {
		r.now = time.Now
	}
	r.begun = r.now()
	r.info = Info{
		Epoch: l.From.Epochs, Epochs: l.Epochs, Start: l.From.Epochs,
		Step: l.From.Steps, StepsPerEpoch: l.StepsPerEpoch,
	}
	r.sum = Summary{Position: l.From}

	err := call(l.start, r.info)
	for epoch := l.From.Epochs + 1; err == nil && epoch <= l.Epochs; epoch++ {
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
	before     time.Duration // spent on this epoch before this run
}

// epoch trains one epoch and calls its end hooks if it was complete.
func (r *run[B]) epoch(ctx context.Context, epoch int) error {
	r.epochBegun = r.now()
	at := &r.sum.Position
	if epoch > r.From.Epochs+1 {
		*at = Position{Epochs: at.Epochs, Steps: at.Steps}
	}
	r.before = at.Elapsed
	r.info.Epoch, r.info.Rate = epoch, r.Rate(epoch)
	r.info.StepInEpoch, r.info.Images, r.info.MeanLoss = at.StepInEpoch, at.Images, at.meanLoss()
	if ctx.Err() != nil {
		return r.interrupted(ctx)
	}

	asked := r.epochBegun
	for batch, err := range r.Batches(ctx, epoch, at.StepInEpoch) {
		r.sum.InputWait += r.now().Sub(asked)
		r.info.InputWait = r.sum.InputWait
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
	*at = Position{Epochs: epoch, Steps: at.Steps}
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
	at := &r.sum.Position
	at.Steps, at.StepInEpoch = i.Step, i.StepInEpoch
	at.LossSum += loss
	i.Loss, i.MeanLoss = loss, at.meanLoss()
	if r.Size != nil {
		n := r.Size(batch)
		i.Images += n
		i.TotalImages += n
	}
	r.sum.Images, r.sum.MeanLoss = i.TotalImages, i.MeanLoss
	at.Images = i.Images
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
		r.info.EpochElapsed = r.before + now.Sub(r.epochBegun)
	}
	if r.sum.Position.StepInEpoch > 0 {
		r.sum.Position.Elapsed = r.info.EpochElapsed
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
