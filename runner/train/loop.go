// Package train has the training loop and the learning-rate schedule. It does not know TensorFlow, files, tables or progress bars:
// a step is a function, and observers attach as hooks.
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
// Ctrl-C cancels Run's context: the current step finishes, and OnEnd hooks are called, but not the OnEpochEnd hooks of an
// incomplete epoch.
type Loop[B any] struct {
	Hooks

	Epochs int      // all epochs of the run
	From   Position // where a resumed run continues; zero for a fresh start

	// StepsPerEpoch is for progress and for telling interrupted epochs from complete ones; 0 means unknown.
	StepsPerEpoch int

	// Batches returns the batches of an epoch, counted from 1, without the first skip.
	Batches func(ctx context.Context, epoch, skip int) iter.Seq2[B, error]

	// Step does one update at a learning rate and returns the loss before it. Steps count from 1 over all epochs, as AdamW's bias
	// correction needs.
	Step func(batch B, rate float64, step int) (loss float64, err error)

	// Look, if not nil, is called after the last step of each complete epoch, before its OnEpochEnd hooks. It returns nil if it did not
	// look at this epoch, and whether this was the last epoch. If ctx is cancelled meanwhile, the epoch counts as interrupted after its
	// last step, so that a run that continues from there looks again.
	Look func(ctx context.Context, at Info) (look *Look, last bool, err error)

	Rate func(epoch int) float64 // the learning rate of an epoch, counted from 1
	Size func(batch B) int       // the number of images in a batch
	Now  func() time.Time        // the clock; nil is time.Now
}

// Position is the progress of a run. A loop that starts From the Position of another run continues as that one would have, even in
// the middle of an epoch.
type Position struct {
	Epochs int `json:"epochs"` // complete epochs
	Steps  int `json:"steps"`  // all steps, including those of the current epoch

	// The progress of the current epoch; all zero between two epochs.
	StepInEpoch int           `json:"step_in_epoch"`
	LossSum     float64       `json:"loss_sum"` // of these steps, summed in order
	Images      int           `json:"images"`
	Elapsed     time.Duration `json:"elapsed"`
}

// meanLoss is the mean over the steps of the current epoch, 0 before the first.
func (p Position) meanLoss() float64 {
	if p.StepInEpoch == 0 {
		return 0
	}
	return p.LossSum / float64(p.StepInEpoch)
}

// Summary describes what a run has done, even if it ended in an error.
type Summary struct {
	Position  Position // where it stopped, after a complete step
	Images    int      // images seen in this run
	Timing    Timing   // seconds of a step
	InputWait time.Duration
	Elapsed   time.Duration
}

// Run trains the epochs after From. Its error is an *InterruptedError if ctx was cancelled, a *DivergedError if a loss was not
// finite, or else that of a batch, a step or a hook, preceded by epoch and step.
func (l *Loop[B]) Run(ctx context.Context) (Summary, error) {
	r := run[B]{Loop: l, now: l.Now, at: l.From}
	if r.now == nil {
		r.now = time.Now
	}
	r.begun = r.now()
	r.info = Info{
		Epoch: l.From.Epochs, Epochs: l.Epochs, Start: l.From.Epochs,
		Step: l.From.Steps, StepsPerEpoch: l.StepsPerEpoch,
	}

	err := call(l.start, r.info)
	for epoch := l.From.Epochs + 1; err == nil && epoch <= l.Epochs && !r.info.Last; epoch++ {
		err = r.epoch(ctx, epoch)
	}
	r.clock()
	r.info.Err = err
	for _, hook := range l.end {
		if failed := hook(r.info); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	return Summary{
		Position: r.at, Images: r.info.TotalImages,
		Timing: r.watch.timing(), InputWait: r.info.InputWait, Elapsed: r.info.Elapsed,
	}, err
}

// run is the state of one call of Run.
type run[B any] struct {
	*Loop[B]
	now        func() time.Time
	begun      time.Time
	epochBegun time.Time
	info       Info
	at         Position
	watch      stopwatch
	before     time.Duration // spent on this epoch before this run
}

// epoch trains one epoch and calls its end hooks if it was complete.
func (r *run[B]) epoch(ctx context.Context, epoch int) error {
	r.epochBegun, r.before = r.now(), r.at.Elapsed
	r.info.Epoch, r.info.Rate = epoch, r.Rate(epoch)
	r.info.StepInEpoch, r.info.Images, r.info.MeanLoss = r.at.StepInEpoch, r.at.Images, r.at.meanLoss()
	if ctx.Err() != nil {
		return r.interrupted(ctx)
	}

	asked := r.epochBegun
	for batch, err := range r.Batches(ctx, epoch, r.at.StepInEpoch) {
		r.info.InputWait += r.now().Sub(asked)
		if err != nil {
			if ctx.Err() != nil { // the loader reports the cancellation
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
	if r.cutOff(ctx) { // a loader may also end without an error
		return r.interrupted(ctx)
	}
	if r.info.StepInEpoch == 0 {
		return fmt.Errorf("epoch %d has no batch: are there fewer images than the batch size?", epoch)
	}
	r.clock()
	if err := r.look(ctx); err != nil {
		return err
	}
	r.at = Position{Epochs: epoch, Steps: r.at.Steps}
	if err := call(r.epochEnd, r.info); err != nil {
		return fmt.Errorf("after epoch %d: %w", epoch, err)
	}
	return nil
}

// look calls Look, if there is one, and finds out whether the epoch is the last.
func (r *run[B]) look(ctx context.Context) error {
	r.info.Last = r.info.Epoch >= r.Epochs
	if r.Look == nil {
		return nil
	}
	look, last, err := r.Look(ctx, r.info)
	r.info.Elapsed = r.now().Sub(r.begun)
	switch {
	case err != nil && ctx.Err() != nil:
		return r.interrupted(ctx)
	case err != nil:
		return fmt.Errorf("looking at the validation images after epoch %d: %w", r.info.Epoch, err)
	}
	if look != nil {
		r.info.Look = look
	}
	r.info.Last = r.info.Last || last
	return nil
}

// step does one step and updates the state.
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
	n := r.Size(batch)
	i.Images += n
	i.TotalImages += n
	r.at.Steps, r.at.StepInEpoch, r.at.Images = i.Step, i.StepInEpoch, i.Images
	r.at.LossSum += loss
	i.Loss, i.MeanLoss = loss, r.at.meanLoss()
	r.clock()
	if err := call(r.Hooks.step, r.info); err != nil {
		return fmt.Errorf("epoch %d, step %d: %w", i.Epoch, i.Step, err)
	}
	return nil
}

// cutOff reports whether ctx ended before the epoch did. A cancellation during the last step leaves a complete epoch, whose end
// hooks are called.
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
	if r.at.StepInEpoch > 0 {
		r.at.Elapsed = r.info.EpochElapsed
	}
}

// InterruptedError says that a run was cancelled after a complete step. It wraps the context's error, so errors.Is(err,
// context.Canceled) holds after Ctrl-C.
type InterruptedError struct {
	Epoch, Step int // the unfinished epoch, and the steps done
	Cause       error
}

// Error implements error.
func (e *InterruptedError) Error() string {
	return fmt.Sprintf("interrupted in epoch %d after step %d", e.Epoch, e.Step)
}

// Unwrap implements the errors package's protocol.
func (e *InterruptedError) Unwrap() error { return e.Cause }

// DivergedError says that the loss of a step, or a weight after it, was NaN or infinite.
type DivergedError struct {
	Epoch, Step int
	Loss, Rate  float64
	Weight      string // the tensor that Loss is a value of, "" for the loss
}

// Error implements error.
func (e *DivergedError) Error() string {
	if e.Weight != "" {
		return fmt.Sprintf("a value of %s became %v in epoch %d, step %d, at learning rate %g: try a smaller learning rate", e.Weight, e.Loss, e.Epoch, e.Step, e.Rate)
	}
	return fmt.Sprintf("the loss became %v in epoch %d, step %d, at learning rate %g: try a smaller learning rate", e.Loss, e.Epoch, e.Step, e.Rate)
}
