// Package finetune is a training run: data, model, loop, checkpoints, stored features and the record of it all.
package finetune

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/class"
	"dtl-tf/runner/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/tensorboard"
	"dtl-tf/runner/train"
)

// fineTuning is one training run: what it reads, what it builds, what it writes.
type fineTuning struct {
	config   Config
	ui       runner.UI
	folder   *result.Folder
	record   result.Run
	metrics  *result.MetricsLog
	data     *dataset
	backbone *backbone.Backbone
	settings runner.Settings
	session  *dtl.Trainer
	onImages *dtl.ImageTrainer  // nil if steps take stored values
	onStored *dtl.StoredTrainer // nil if steps take images
	schedule train.Schedule
	device   graph.Device
	initial  *result.Adapter // what training starts from, nil for the method's own values
	head     class.Match     // of the data set with initial
	frozen   string          // sha256 of the frozen weights before the first step
	cache    *featureCache   // nil: steps compute everything
	noCache  string          // why there is none

	board       *tensorboard.Board // nil without --tensorboard
	checkpoints *checkpoint.Store
	from        train.Position      // where a resumed run goes on, zero at a fresh start
	before      result.Measurements // of what was done before from
	written     train.Position      // that of the newest checkpoint
	finished    *result.Run         // the run to resume, if nothing of it is left to do
	good        tensor.Map          // all that trains, as it was after the last complete epoch
}

// Run trains a method on a data set, evaluates it once on the test images, writes the run folder and
// prints the result. When ctx is cancelled it saves what was done and returns an error that wraps
// context.Canceled.
func Run(ctx context.Context, c Config, ui runner.UI) (result.Run, error) {
	ui.Err = report.NewScreen(ui.Err) // loaders note from goroutines of their own
	f := &fineTuning{config: c, ui: ui}
	if err := f.prepare(ctx); err != nil {
		f.close()
		return result.Run{}, err
	}
	defer f.close()
	if f.finished != nil {
		f.note("the run in %s is finished: nothing is left to do", c.Out)
		return *f.finished, report.Runs(ui.Out, report.Text, *f.finished)
	}
	err := f.run(ctx)
	return f.record, err
}

// prepare reads and builds everything, cheap checks first. Nothing that exists is changed before
// all of it went well.
func (f *fineTuning) prepare(ctx context.Context) (err error) {
	c := f.config
	if err := c.check(); err != nil {
		return err
	}
	if f.schedule, err = train.NewSchedule(c.Schedule, c.Epochs, c.LearningRate); err != nil {
		return &runner.UsageError{Err: err}
	}
	if f.folder, err = result.OpenFolder(c.Out, c.policy()); err != nil {
		return err
	}
	f.checkpoints = checkpoint.NewStore(f.folder.Path(""))
	if f.backbone, err = f.loadBackbone(ctx); err != nil {
		return cmp.Or(alive(ctx), err)
	}
	runner.NoteSources(f.backbone, false, f.note)
	if err := alive(ctx); err != nil {
		return err
	}
	if f.settings, err = f.resolveSettings(ctx); err != nil {
		return err
	}
	if f.device, err = graph.FindDevice(graph.SessionOptions{Threads: c.Threads}); err != nil {
		return err
	}
	if f.data, err = openTraining(ctx, c, f.backbone.ImageSize(), f.note); err != nil {
		return err
	}
	if err := f.startHead(); err != nil {
		return err
	}
	for _, note := range f.data.notes {
		f.note("%s", note)
	}
	if err := alive(ctx); err != nil {
		return err
	}
	if f.data.survey, err = classify.Survey(ctx, f.data.all, f.note); err != nil {
		return err
	}
	if err := f.openCache(ctx); err != nil {
		return err
	}
	if err := f.build(); err != nil {
		return err
	}
	if err := f.describe(); err != nil {
		return err
	}
	f.notePrecision()
	if c.Resume {
		if err := f.resume(); err != nil || f.finished != nil {
			return err
		}
	}
	if err := alive(ctx); err != nil {
		return err
	}
	if err := f.fillCache(ctx); err != nil {
		return err
	}
	if err := f.folder.Clear(c.inputs()...); err != nil {
		return err
	}
	return f.checkpoints.Tidy()
}

func (c Config) policy() result.Policy {
	switch {
	case c.Overwrite:
		return result.Overwrite
	case c.Resume:
		return result.Resume
	}
	return result.Refuse
}

// inputs are the files that the run reads and must not remove from its output folder.
func (c Config) inputs() []string {
	var list []string
	for _, path := range []string{c.Backbone.Path, c.InitAdapter} {
		if path != "" && c.Init != InitRandom {
			list = append(list, path)
		}
	}
	return list
}

// run trains, saves and evaluates, and leaves a run.json that says how it ended.
func (f *fineTuning) run(ctx context.Context) error {
	if err := f.save(); err != nil {
		return err
	}
	if err := f.startMetrics(); err != nil {
		return err
	}
	err := f.train(ctx)
	if err == nil {
		err = f.finish(ctx)
	}
	switch {
	case err == nil:
		f.record.Status = result.Finished
	case errors.Is(err, context.Canceled):
		f.record.Status, f.record.Error = result.Interrupted, err.Error()
		err = fmt.Errorf("%w; what was done so far is in %s%s", err, f.folder.Path(""), f.howToGoOn())
	default:
		f.record.Status, f.record.Error = result.Failed, err.Error()
	}
	f.record.Ended = now()
	if err := also(err, f.save()); err != nil {
		return err
	}
	if err := f.showAccuracy(); err != nil {
		return err
	}
	return report.Runs(f.ui.Out, report.Text, f.record)
}

// train runs the loop; however it ends, the best that is left is saved as the adapter.
func (f *fineTuning) train(ctx context.Context) error {
	loop := &train.Loop[batch]{
		Epochs: f.config.Epochs, StepsPerEpoch: f.data.train.Steps(),
		Batches: f.batches,
		Step:    f.step,
		Rate:    f.schedule.Rate,
		Size:    func(b batch) int { return len(b.labels) },
		From:    f.from,
	}
	report.NewProgress(f.ui.Err, f.ui.Quiet).Attach(&loop.Hooks)
	if f.ui.Watch != nil {
		f.ui.Watch(&loop.Hooks)
	}
	f.startBoard(&loop.Hooks)
	loop.OnEpochEnd("metrics", f.logEpoch)
	loop.OnEpochEnd("checkpoint", f.keep)

	summary, err := loop.Run(ctx)
	f.measure(summary)
	var interrupted *train.InterruptedError
	switch {
	case err == nil:
		return f.complete(summary.Position)
	case errors.As(err, &interrupted):
		return also(err, f.interrupted(summary.Position))
	case f.good != nil: // diverged, the input failed or the disk is full: the last good state
		return also(err, f.writeTrained(f.good))
	}
	return err
}

// logEpoch adds the epoch's line to metrics.csv.
func (f *fineTuning) logEpoch(i train.Info) error {
	return f.metrics.Append(result.Metric{
		Epoch: i.Epoch, Step: i.Step, Rate: i.Rate, Loss: i.MeanLoss,
		ImagesPerSecond: i.ImagesPerSecond(), Seconds: i.EpochElapsed.Seconds(),
	})
}

// finish checks that what is frozen stood still and evaluates.
func (f *fineTuning) finish(ctx context.Context) error {
	if err := f.checkFrozen(); err != nil {
		return err
	}
	if f.data.test == nil {
		f.note("no test split: nothing to evaluate on (--holdout keeps some of the training images for that)")
		return nil
	}
	return f.evaluate(ctx)
}

// note tells the user something that is not progress.
func (f *fineTuning) note(format string, args ...any) {
	if !f.ui.Quiet {
		fmt.Fprintf(f.ui.Err, format+"\n", args...)
	}
}

func (f *fineTuning) save() error { return result.WriteRun(f.folder.Path(result.RunFile), f.record) }

func (f *fineTuning) close() {
	if f.cache != nil {
		f.cache.close()
	}
	if f.data != nil {
		f.data.close()
	}
	if f.session != nil {
		f.session.Close()
	}
	if f.board != nil {
		f.board.Close() // every event has been written
	}
	if f.folder != nil {
		f.folder.Close()
	}
}
