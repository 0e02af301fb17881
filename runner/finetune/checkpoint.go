package finetune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// keep remembers the state after a complete epoch, and writes it down every so many epochs. What the last epoch leaves is
// written by complete.
func (f *fineTuning) keep(i train.Info) error {
	if err := f.remember(i.Epoch, i.Step, i.Rate); err != nil {
		return err
	}
	f.record.Progress = result.Progress{Epochs: i.Epoch, Steps: i.Step}
	every := f.config.CheckpointEvery
	if every == 0 || i.Epoch%every != 0 || i.Epoch == f.config.Epochs {
		return nil
	}
	f.measure(train.Summary{
		Position: train.Position{Epochs: i.Epoch, Steps: i.Step},
		Images:   i.TotalImages, InputWait: i.InputWait, Elapsed: i.Elapsed,
	})
	return f.writeCheckpoint(train.Position{Epochs: i.Epoch, Steps: i.Step})
}

// remember reads all that trains. Values that are not finite are refused and the last good ones stay.
func (f *fineTuning) remember(epoch, step int, rate float64) error {
	values, err := f.session.ReadTrainable()
	if err != nil {
		return err
	}
	for _, name := range values.Names() {
		if at := values[name].FirstNonFinite(); at >= 0 {
			return &train.DivergedError{Epoch: epoch, Step: step, Loss: float64(values[name].Float32()[at]), Rate: rate}
		}
	}
	f.good = values
	return nil
}

// complete writes what the last epoch left, so that a run that is stopped during the evaluation need not train again.
func (f *fineTuning) complete(at train.Position) error {
	var err error
	if f.config.CheckpointEvery > 0 {
		err = f.writeCheckpoint(at)
	}
	return also(err, f.writeTrained(f.good))
}

// interrupted writes what was done before Ctrl-C, also in the middle of an epoch.
func (f *fineTuning) interrupted(at train.Position) error {
	epoch := at.Epochs + 1
	if err := f.remember(epoch, at.Steps, f.schedule.Rate(min(epoch, f.config.Epochs))); err != nil {
		if f.good == nil {
			return err
		}
		return also(err, f.writeTrained(f.good))
	}
	return also(f.writeCheckpoint(at), f.writeTrained(f.good))
}

// writeCheckpoint writes the state that f.good belongs to, unless it is on the disk already.
func (f *fineTuning) writeCheckpoint(at train.Position) error {
	if at.Steps == 0 || at == f.written {
		return nil
	}
	moments, err := f.session.ReadOptimizer()
	if err != nil {
		return err
	}
	all := maps.Clone(f.good)
	maps.Copy(all, moments)
	config, err := json.Marshal(f.resolved())
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	err = f.checkpoints.Write(checkpoint.State{
		Position: at, Config: config, Inputs: f.inputs(),
		Metrics: f.metrics.Rows(), Bad: f.data.train.Bad(), Measurements: f.record.Measurements,
		Versions: f.record.Versions, Device: f.record.Device, Earlier: f.record.Earlier,
	}, all)
	if err != nil {
		return fmt.Errorf("the run stops because its checkpoint can't be saved: %w%s", err, f.howToGoOn())
	}
	f.written = at
	return f.save()
}

// inputs are the fingerprints of what the run reads; resuming with others would mix two runs.
func (f *fineTuning) inputs() checkpoint.Inputs {
	in := checkpoint.Inputs{Backbone: f.backbone.Fingerprint(), Data: f.data.fingerprint}
	if f.initial != nil {
		in.Adapter = f.initial.Tensors.SHA256()
	}
	return in
}

// howToGoOn is the advice to a user whose run has stopped, if there is a way.
func (f *fineTuning) howToGoOn() string {
	if there, err := f.checkpoints.Any(); err != nil || !there {
		return ""
	}
	return " (go on with --resume)"
}

// also joins two errors, either of which may be nil, in one line.
func also(err, other error) error {
	if err == nil || other == nil {
		return errors.Join(err, other)
	}
	return fmt.Errorf("%w; %w", err, other)
}

// alive fails after Ctrl-C. Before the first step nothing that exists has been changed yet.
func alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted before the first step: %w", err)
	}
	return nil
}
