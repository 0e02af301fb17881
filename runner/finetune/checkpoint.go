package finetune

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// snapshot copies the state after each epoch and writes a checkpoint every CheckpointEvery epochs. complete writes that of the
// last epoch.
func (r *run) snapshot(i train.Info) error {
	if err := r.readTrainable(i.Epoch, i.Step, i.Rate); err != nil {
		return err
	}
	r.record.Progress = result.Progress{Epochs: i.Epoch, Steps: i.Step}
	every := r.config.CheckpointEvery
	if every == 0 || i.Epoch%every != 0 || i.Last {
		return nil
	}
	r.measure(train.Summary{
		Position: train.Position{Epochs: i.Epoch, Steps: i.Step},
		Images:   i.TotalImages, InputWait: i.InputWait, Elapsed: i.Elapsed,
	})
	return r.writeCheckpoint(train.Position{Epochs: i.Epoch, Steps: i.Step})
}

// readTrainable copies the trainable variables to good, unless it has done so after this step or one of them is not finite.
func (r *run) readTrainable(epoch, step int, rate float64) error {
	if r.good != nil && r.goodAt == step {
		return nil
	}
	values, err := r.trainer.ReadTrainable()
	if err != nil {
		return err
	}
	for _, name := range values.Names() {
		if at := values[name].FirstNonFinite(); at >= 0 {
			return &train.DivergedError{Epoch: epoch, Step: step, Loss: float64(values[name].Float32()[at]), Rate: rate, Weight: name}
		}
	}
	if r.config.EMA > 0 {
		if r.average, err = r.trainer.ReadAverage(); err != nil {
			return err
		}
	}
	r.good, r.goodAt = values, step
	return nil
}

// kept is what the run keeps of the state good: with --ema the average, else the weights themselves.
func (r *run) kept() tensor.Map {
	if r.average != nil {
		return r.average
	}
	return r.good
}

// complete saves the state after the last epoch, so that a run stopped during the evaluation need not train again.
func (r *run) complete(at train.Position) error {
	var err error
	if r.config.CheckpointEvery > 0 {
		err = r.writeCheckpoint(at)
	}
	return also(err, r.writeTrained(r.ending()))
}

// saveInterrupted saves the state after Ctrl-C, which may be within an epoch.
func (r *run) saveInterrupted(at train.Position) error {
	epoch := at.Epochs + 1
	if err := r.readTrainable(epoch, at.Steps, r.schedule.Rate(min(epoch, r.config.Epochs))); err != nil {
		if r.good == nil {
			return err
		}
		return also(err, r.writeTrained(r.ending()))
	}
	return also(r.writeCheckpoint(at), r.writeTrained(r.ending()))
}

// writeCheckpoint writes the state that r.good belongs to, unless the newest checkpoint has it.
func (r *run) writeCheckpoint(at train.Position) error {
	if at.Steps == 0 || at == r.written {
		return nil
	}
	moments, err := r.trainer.ReadOptimizer()
	if err != nil {
		return err
	}
	all := maps.Clone(r.good)
	maps.Copy(all, moments)
	maps.Copy(all, r.bestTensors(at))
	var badVal []int
	if r.data.val != nil {
		badVal = r.data.val.Bad()
	}
	config, err := json.Marshal(r.settings())
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	err = r.checkpoints.Write(checkpoint.State{
		Position: at, Config: config, Inputs: r.inputs(),
		Metrics: r.metrics, Selection: r.record.Selection, Bad: r.data.train.Bad(), BadVal: badVal, Measurements: r.record.Measurements,
		Versions: r.record.Versions, Device: r.record.Device, Earlier: r.record.Earlier,
	}, all)
	if err != nil {
		return fmt.Errorf("the run stops because its checkpoint can't be saved: %w%s", err, r.howToContinue())
	}
	r.written = at
	return r.save()
}

// howToContinue returns advice for a stopped run, "" if it left no checkpoint.
func (r *run) howToContinue() string {
	if there, err := r.checkpoints.Any(); err != nil || !there {
		return ""
	}
	return " (continue with --resume)"
}

// also joins two errors in one line. Either may be nil.
func also(err, other error) error {
	if err == nil || other == nil {
		return errors.Join(err, other)
	}
	return fmt.Errorf("%w; %w", err, other)
}
