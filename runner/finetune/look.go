package finetune

import (
	"context"
	"fmt"
	"iter"
	"time"

	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

const (
	// sayEvery is the time after which a log says how far a look is.
	sayEvery = 30 * time.Second
	// costly is the share of an epoch's time from which on the time of a look is worth a note.
	costly = 0.25
)

// noteLooks says how often the run looks at the validation images.
func (r *run) noteLooks() {
	every := "each epoch"
	if n := r.config.SelectEvery; n > 1 {
		every = fmt.Sprintf("every %d epochs and the last", n)
	}
	from := ""
	if r.valued != nil {
		from = ", from their stored values"
	}
	n := r.data.counts[data.Val]
	r.ui.Note("validation: after %s the run looks at the %s %s of the split %s%s", every, report.Thousands(n), report.Plural(n, "image"), data.Val, from)
}

// look looks at the validation images if it is time. With --select best it keeps the weights of the best look, and last says that
// the best has become too old for training to go on.
func (r *run) look(ctx context.Context, i train.Info) (look *train.Look, last bool, err error) {
	if !r.config.looksAfter(i.Epoch) {
		return nil, false, nil
	}
	if err := r.readTrainable(i.Epoch, i.Step, i.Rate); err != nil {
		return nil, false, err
	}
	if r.average != nil {
		if err := r.trainer.SetTrainable(r.average); err != nil {
			return nil, false, err
		}
		defer func() { err = also(err, r.trainer.SetTrainable(r.good)) }()
	}
	return r.measureLook(ctx, i)
}

// measureLook is look with the weights that the trainer has.
func (r *run) measureLook(ctx context.Context, i train.Info) (look *train.Look, last bool, err error) {
	begun, total := result.Now(), r.data.counts[data.Val]
	say := func(done int) {
		r.progress.Say(sayEvery, float64(i.Epoch)/float64(i.Epochs), func() string {
			return fmt.Sprintf("epoch %d/%d  validating %d/%d", i.Epoch, i.Epochs, done, total)
		})
	}
	if r.data.set.LabelSets != nil {
		look, err = r.lookSeveral(ctx, say)
	} else {
		var score classify.Score
		var loss float64
		score, loss, err = classify.TopLoss(ctx, r.answered(ctx), say)
		look = &train.Look{Top1: score.Top1, Loss: loss}
	}
	if err != nil {
		return nil, false, err
	}
	r.noteCost(result.Now().Sub(begun), i)
	look.Epoch = i.Epoch
	s := r.record.Selection
	if s == nil {
		return look, false, nil
	}
	if s.Add(*look) {
		r.best = r.kept()
	}
	s.Stopped = r.config.Patience > 0 && s.Age() >= r.config.Patience && i.Epoch < r.config.Epochs
	return look, s.Stopped, nil
}

// lookCount is the number of looks of a run with validation images, which none ends early.
func (c Config) lookCount() int { return (c.Epochs + c.SelectEvery - 1) / c.SelectEvery }

// looksAfter tells whether an epoch is followed by a look, if the run has validation images.
func (c Config) looksAfter(epoch int) bool { return epoch%c.SelectEvery == 0 || epoch == c.Epochs }

// answered classifies the validation images, from their stored values if there are some.
func (r *run) answered(ctx context.Context) iter.Seq2[classify.Answered, error] {
	if r.given != nil {
		return r.given
	}
	if r.valued != nil {
		return r.answeredStored(ctx)
	}
	return classify.Images(ctx, r.trainer, r.data.val, r.backbone.ImageSize())
}

// noteCost adds the time of a look. After the first look it says what looks cost, if that is much.
func (r *run) noteCost(took time.Duration, i train.Info) {
	first, epoch := r.looking == 0, i.EpochElapsed
	r.looking += took
	if !first || took < time.Second || took.Seconds() < costly*epoch.Seconds() {
		return
	}
	r.ui.Note("a look at the validation images takes %s, the epoch before it took %s: --select-every %d looks less often",
		report.Duration(took), report.Duration(epoch), 5*r.config.SelectEvery)
}
