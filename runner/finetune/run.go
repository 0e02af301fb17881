package finetune

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"time"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/tensorboard"
	"dtl-tf/runner/train"
)

// run trains the model of a plan.
type run struct {
	*plan
	ui          runner.UI
	folder      *result.Folder
	checkpoints *checkpoint.Store
	trainer     *dtl.Trainer
	batches     batches
	frozen      string             // sha256 of the frozen weights before the first step, "" if all weights train
	board       *tensorboard.Board // nil without --tensorboard
	closers     []func()

	record    result.Run
	metrics   []result.Metric
	from      train.Position         // where training starts: zero unless the run is resumed
	before    result.Measurements    // of the part of the run before from
	written   train.Position         // of the newest checkpoint
	answers   []assess.Answer        // of the evaluation, with --report
	several   []assess.SeveralAnswer // the same with --loss bce, also without --report
	good      tensor.Map             // the trainable variables after the last complete epoch, nil before the first
	goodAt    int                    // the step of good
	average   tensor.Map             // the moving average at good, nil without --ema
	best      tensor.Map             // those of the best look, nil with --select last and before the first one
	looking   time.Duration          // that looks took in this process
	processor time.Duration          // processor time of this process before the first step

	stored *dtl.StoredTrainer // nil if steps read images
	valued *feature.Loader    // of the stored values of the validation images, nil if looks read images

	// given are images that something else classifies for the run, of a look or the evaluation. nil: the run does it itself.
	given iter.Seq2[classify.Answered, error]

	progress *report.Progress // of the loop
}

// run trains, saves and evaluates. However it ends, run.json says so.
func (r *run) run(ctx context.Context) error {
	if err := r.writeSplit(); err != nil {
		return err
	}
	if err := r.save(); err != nil {
		return err
	}
	if err := r.startMetrics(); err != nil {
		return err
	}
	err := r.train(ctx)
	if err == nil {
		err = r.finish(ctx)
	}
	err = r.overflowed(err)
	var words string
	if err == nil {
		words, err = r.assess()
	}
	switch {
	case err == nil:
		r.record.Status = result.Finished
	case errors.Is(err, context.Canceled):
		r.record.Status, r.record.Error = result.Interrupted, err.Error()
		err = fmt.Errorf("%w; what was done so far is in %s%s", err, r.folder.Path(""), r.howToContinue())
	case errors.As(err, new(*graph.MemberError)):
		r.record.Status, r.record.Error = result.Failed, err.Error()
		err = fmt.Errorf("%w; what was done so far is in %s%s", err, r.folder.Path(""), r.howToContinue())
	default:
		r.record.Status, r.record.Error = result.Failed, err.Error()
	}
	r.record.Ended = result.Now()
	if err := also(err, r.save()); err != nil {
		return err
	}
	if err := r.plotAccuracy(); err != nil {
		return err
	}
	if err := report.Runs(r.ui.Out, report.Text, r.record); err != nil {
		return err
	}
	_, err = io.WriteString(r.ui.Out, words)
	return err
}

// train runs the loop. However it ends, the last good state is saved as the adapter.
func (r *run) train(ctx context.Context) error {
	loop := &train.Loop[batch]{
		Epochs: r.config.Epochs, StepsPerEpoch: r.data.train.Steps(),
		Batches: r.batches,
		Step:    func(b batch, rate float64, step int) (float64, error) { return b.step(rate, step-1) },
		Rate:    r.schedule.Rate,
		Size:    func(b batch) int { return len(b.labels) },
		From:    r.from,
	}
	if r.data.val != nil {
		loop.Look = r.look
		r.noteLooks()
	}
	if r.config.EMA > 0 {
		r.ui.Note("%s", r.config.averageNote(r.config.Epochs*loop.StepsPerEpoch))
	}
	if s := r.record.Selection; s != nil && s.Stopped { // before the resume
		loop.Epochs = r.from.Epochs
	}
	r.progress = report.NewProgress(r.ui.Err, r.ui.Quiet)
	r.progress.Attach(&loop.Hooks)
	if r.ui.Watch != nil {
		r.ui.Watch(&loop.Hooks)
	}
	if r.board != nil { // before the checkpoint's hook: a run killed between the two must not lack a point of its curves
		r.board.Attach(&loop.Hooks)
	}
	loop.OnEpochEnd("metrics", r.logEpoch)
	loop.OnEpochEnd("checkpoint", r.snapshot)

	r.processor = machine.ProcessorTime()
	summary, err := loop.Run(ctx)
	r.measure(summary)
	var stopped *train.InterruptedError
	var member *graph.MemberError
	switch {
	case err == nil:
		return r.complete(summary.Position)
	case errors.As(err, &stopped):
		return also(err, r.saveInterrupted(summary.Position))
	case errors.As(err, &member): // the state is in this process, and the step has changed nothing of it
		return also(err, r.saveInterrupted(summary.Position))
	case r.good != nil: // diverged, bad input or a full disk
		return also(err, r.writeTrained(r.ending()))
	}
	return err
}

// logEpoch appends a line to metrics.csv.
func (r *run) logEpoch(i train.Info) (err error) {
	m := result.Metric{
		Epoch: i.Epoch, Step: i.Step, Rate: i.Rate, Loss: i.MeanLoss,
		ImagesPerSecond: i.ImagesPerSecond(), Seconds: i.EpochElapsed.Seconds(),
	}
	if l := i.Look; l != nil && l.Epoch == i.Epoch {
		if m.ValLoss, m.ValMAP = &l.Loss, l.MAP; l.MAP == nil {
			m.ValTop1 = &l.Top1
		}
	}
	r.metrics, err = result.AppendMetric(r.folder.Path(result.MetricsFile), r.metrics, m)
	return err
}

// finish verifies the frozen weights and evaluates.
func (r *run) finish(ctx context.Context) error {
	if err := r.checkFrozen(); err != nil {
		return err
	}
	if err := r.choose(); err != nil {
		return err
	}
	if r.data.test == nil && len(r.data.targets) > 0 {
		return r.evaluateTargets(ctx)
	}
	if r.data.test == nil {
		r.ui.Note("no test split: nothing to evaluate on (--test 0.15 or --holdout 0.15 keeps some of the training images for that)")
		return nil
	}
	if r.record.Accuracy == nil { // else an earlier process has measured it
		if err := r.evaluate(ctx); err != nil {
			return err
		}
	}
	return r.evaluateTargets(ctx)
}

// checkFrozen compares the frozen weights with those before the first step.
func (r *run) checkFrozen() error {
	if r.frozen == "" {
		return nil
	}
	after, err := frozenSHA256(r.trainer)
	if err != nil {
		return err
	}
	r.record.Frozen = &result.Frozen{Before: r.frozen, After: after}
	return sameFrozen(r.frozen, after)
}

// sameFrozen compares the hashes of the frozen weights before and after training.
func sameFrozen(before, after string) error {
	if before != after {
		return fmt.Errorf("a frozen weight of the backbone changed during training (sha256 %.12s before, %.12s after): the result can't be trusted", before, after)
	}
	return nil
}

// frozenSHA256 hashes the frozen weights in the session, "" if there are none.
func frozenSHA256(t *dtl.Trainer) (string, error) {
	if len(t.Frozen.All()) == 0 {
		return "", nil
	}
	return t.FrozenSHA256()
}

// evaluate measures the accuracy on the test images, once, after training.
func (r *run) evaluate(ctx context.Context) error {
	begun := result.Now()
	progress := report.NewProgress(r.ui.Err, r.ui.Quiet)
	done := progress.Task("evaluating", r.data.counts[r.data.testSplit])
	if r.data.set.LabelSets != nil {
		defer progress.Break()
		return r.evaluateSeveral(ctx, done, begun)
	}
	var score classify.Score
	var err error
	if r.config.Report {
		score, r.answers, err = classify.Answers(ctx, r.tested(ctx), done)
	} else {
		score, _, err = classify.TopLoss(ctx, r.tested(ctx), done)
	}
	progress.Break()
	if err != nil {
		return err
	}
	r.record.Accuracy = &result.Accuracy{
		Top1: score.Top1, Images: score.Images, Split: r.data.testSplit,
		Epoch: r.record.Progress.Epochs, Note: result.OnceAfterLast,
		Resize: r.config.TestResize, Crop: r.config.TestCrop,
	}
	if doubt := score.Doubt.Words(r.data.className); doubt != "" {
		r.record.Accuracy.Doubt = doubt
		r.ui.Note("the training seems to have failed: %s; a smaller --lr (it was %g) or more --epochs may help", doubt, r.config.LearningRate)
	}
	if s := r.record.Selection; s != nil {
		r.record.Accuracy.Epoch, r.record.Accuracy.Note = s.Chosen, result.OnceAfterBest
	}
	r.record.Measurements.EvaluationSeconds = result.Now().Sub(begun).Seconds()
	r.record.Data.Skipped = r.data.skipped.Count()
	return nil
}

// tested classifies the images to evaluate on.
func (r *run) tested(ctx context.Context) iter.Seq2[classify.Answered, error] {
	if r.given != nil {
		return r.given
	}
	return classify.Images(ctx, r.trainer, r.data.test, r.backbone.ImageSize())
}

// plotAccuracy adds the result to the event file. run.json says finished by then, and a finished run is not resumed, so the
// point is never there twice.
func (r *run) plotAccuracy() error {
	if r.board == nil {
		return nil
	}
	if s := r.record.Several; s != nil {
		if err := r.board.Scalar(r.record.Progress.Steps, tensorboard.TagMAP+s.Split, s.MAP); err != nil {
			return err
		}
	}
	top1 := map[string]float64{}
	if a := r.record.Accuracy; a != nil {
		top1[a.Split] = a.Top1
	}
	for _, t := range r.record.Targets {
		top1[t.Name] = t.Top1
	}
	for _, split := range slices.Sorted(maps.Keys(top1)) {
		if err := r.board.Scalar(r.record.Progress.Steps, tensorboard.TagAccuracy+split, top1[split]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) save() error { return result.WriteRun(r.folder.Path(result.RunFile), r.record) }

func (r *run) close() {
	for _, c := range slices.Backward(r.closers) {
		c()
	}
	if r.trainer != nil {
		r.trainer.Close()
	}
	if r.board != nil {
		r.board.Close() // every event has been written
	}
}
