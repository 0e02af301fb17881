package finetune

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"dtl-tf/dtl"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
	"dtl-tf/runner/train"
)

// errNoneTrains ends the loop when no setting is left.
var errNoneTrains = errors.New("no setting trains any more: all have failed")

// imageBatches trains all settings on the images of a loader.
func (s *sweep) imageBatches(targets *targeter) batches {
	size := s.base.backbone.ImageSize()
	return func(ctx context.Context, epoch, skip int) iter.Seq2[batch, error] {
		return convert(s.base.data.train.EpochFrom(ctx, epoch, skip), func(b *data.Batch) batch {
			return batch{b.Labels, func(_ float64, step int) (float64, error) {
				values, err := s.joint.Prefix(b.Tensor(size))
				if err != nil {
					return 0, err
				}
				defer values.Free()
				return s.step(values, targets.of(b.Labels, b.Lambda), epoch, step)
			}}
		})
	}
}

// storedBatches trains all settings on stored values.
func (s *sweep) storedBatches(l *feature.Loader, targets *targeter) batches {
	items := s.base.data.items
	return func(ctx context.Context, epoch, skip int) iter.Seq2[batch, error] {
		return convert(l.Epoch(ctx, epoch, skip), func(b *feature.Batch) batch {
			labels := make([]int32, len(b.Indices))
			for i, index := range b.Indices {
				labels[i] = int32(items[index%len(items)].Label)
			}
			return batch{labels, func(_ float64, step int) (float64, error) {
				values, err := s.joint.Given(b.Values)
				if err != nil {
					return 0, err
				}
				return s.step(values, targets.of(labels, 1), epoch, step)
			}}
		})
	}
}

// step trains each setting on a batch at its own learning rate, and returns the mean of their losses.
func (s *sweep) step(values dtl.PrefixValues, targets dtl.Targets, epoch, step int) (float64, error) {
	sum, n := 0.0, 0
	for i, m := range s.settings {
		if !m.trains() {
			continue
		}
		rate := m.schedule.Rate(epoch)
		loss, err := s.joint.Step(i, values, targets, rate, step)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.name, err)
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			s.fail(m, &train.DivergedError{Epoch: epoch, Step: step + 1, Loss: loss, Rate: rate})
			continue
		}
		m.loss, m.lossSum, m.steps = loss, m.lossSum+loss, m.steps+1
		sum, n = sum+loss, n+1
	}
	if n == 0 {
		return 0, errNoneTrains
	}
	return sum / float64(n), nil
}

// fail takes a setting out of the training.
func (s *sweep) fail(m *member, err error) {
	m.failed = m.overflowed(err)
	s.ui.Note("%s failed: %v", m.name, m.failed)
}

// diverged takes a setting out of the training if that is its error. Another error is returned.
func (s *sweep) diverged(m *member, err error) error {
	var diverged *train.DivergedError
	if errors.As(err, &diverged) {
		s.fail(m, diverged)
		return nil
	}
	return err
}

// info is the state of the loop as a run of the setting alone would have it.
func (m *member) info(i train.Info) train.Info {
	i.Rate, i.Loss, i.Look = m.schedule.Rate(i.Epoch), m.loss, m.latest
	i.MeanLoss = m.lossSum / float64(max(m.steps, 1))
	return i
}

// look looks at the validation images with each setting. It returns the best look.
func (s *sweep) look(ctx context.Context, i train.Info) (best *train.Look, last bool, err error) {
	if !s.base.config.looksAfter(i.Epoch) {
		return nil, false, nil
	}
	var looking []*member
	for _, m := range s.settings {
		if !m.trains() {
			continue
		}
		err := m.readTrainable(i.Epoch, i.Step, m.schedule.Rate(i.Epoch))
		if err == nil && m.average != nil {
			err = m.trainer.SetTrainable(m.average)
		}
		if err := s.diverged(m, err); err != nil {
			return nil, false, err
		}
		if m.failed == nil {
			looking = append(looking, m)
		}
	}
	err = s.pass(ctx, looking, s.watched(ctx), func(m *member) (err error) {
		m.latest, m.stopped, err = m.measureLook(ctx, m.info(i))
		return err
	})
	for _, m := range looking {
		if m.average != nil {
			err = also(err, m.trainer.SetTrainable(m.good))
		}
		if m.latest != nil && (best == nil || m.latest.Score() > best.Score()) {
			best = m.latest
		}
	}
	return best, !slices.ContainsFunc(s.settings, (*member).trains), err
}

// epochEnd does for each setting that trained what a run does after an epoch.
func (s *sweep) epochEnd(i train.Info) error {
	for _, m := range s.settings {
		if m.steps == 0 || m.failed != nil {
			continue
		}
		info := m.info(i)
		if err := m.logEpoch(info); err != nil {
			return err
		}
		if err := s.diverged(m, m.snapshot(info)); err != nil {
			return err
		}
		m.lossSum, m.steps = 0, 0
	}
	return nil
}

// train runs the loop and writes the adapters. Its error ends the sweep; one setting's does not.
func (s *sweep) train(ctx context.Context) error {
	loop := &train.Loop[batch]{
		Epochs: s.base.config.Epochs, StepsPerEpoch: s.base.data.train.Steps(), Batches: s.batches,
		Step: func(b batch, rate float64, step int) (float64, error) { return b.step(rate, step-1) },
		Rate: s.base.schedule.Rate, Size: func(b batch) int { return len(b.labels) }, From: s.settings[0].from,
	}
	if s.base.data.val != nil {
		loop.Look = s.look
	}
	report.NewProgress(s.ui.Err, s.ui.Quiet).Attach(&loop.Hooks)
	if s.ui.Watch != nil {
		s.ui.Watch(&loop.Hooks)
	}
	loop.OnEpochEnd("settings", s.epochEnd)
	begun := machine.ProcessorTime()
	for _, m := range s.settings {
		m.processor = begun
	}
	summary, err := loop.Run(ctx)
	for _, m := range s.settings {
		done := m.record.Progress
		m.measure(summary)
		if !m.trains() {
			m.record.Progress = done
		}
		if failed := s.store(m, summary.Position, err); failed != nil {
			return also(err, failed)
		}
	}
	if errors.Is(err, errNoneTrains) {
		return nil // each says why
	}
	return err
}

// store saves what a setting has when the loop ends with an error or without: its adapter, and with s.resumes a checkpoint.
func (s *sweep) store(m *member, at train.Position, err error) error {
	var stopped *train.InterruptedError
	interrupted := errors.As(err, &stopped) && m.trains()
	if interrupted {
		if failed := s.diverged(m, m.readTrainable(stopped.Epoch, stopped.Step, m.schedule.Rate(min(stopped.Epoch, m.config.Epochs)))); failed != nil {
			return failed
		}
	}
	if s.resumes && m.trains() && (interrupted || err == nil && m.config.CheckpointEvery > 0) {
		if at.StepInEpoch > 0 {
			at.LossSum = m.lossSum // of this setting
		}
		if failed := m.writeCheckpoint(at); failed != nil {
			return failed
		}
	}
	if m.good == nil {
		return nil
	}
	return m.writeTrained(m.ending())
}
