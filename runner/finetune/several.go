package finetune

import (
	"context"
	"fmt"
	"time"

	"dtl-tf/runner/assess"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// evaluateSeveral is evaluate for images of several classes.
func (r *run) evaluateSeveral(ctx context.Context, done func(int), begun time.Time) (err error) {
	r.several, err = classify.Several(ctx, r.tested(ctx), r.data.set.LabelSets, done)
	if err != nil {
		return err
	}
	f, _ := assess.Several(r.several, r.data.classes)
	r.record.Several = &result.Several{
		Split: r.data.testSplit, Images: f.Images, Epoch: r.record.Progress.Epochs,
		MAP: f.MAP, MicroF1: f.MicroF1, MacroF1: f.MacroF1, ExactMatch: f.ExactMatch, Absent: f.Absent,
	}
	if s := r.record.Selection; s != nil {
		r.record.Several.Epoch = s.Chosen
	}
	r.record.Measurements.EvaluationSeconds = result.Now().Sub(begun).Seconds()
	r.record.Data.Skipped = r.data.skipped.Count()
	return nil
}

// severalWords says the figures of an evaluation in words.
func severalWords(f *assess.SeveralFigures, split string) string {
	words := fmt.Sprintf("Mean average precision %.1f %%, F1 %.1f %% (micro) and %.1f %% (macro), all classes right for %.1f %% of the images.\n",
		100*f.MAP, 100*f.MicroF1, 100*f.MacroF1, 100*f.ExactMatch)
	if f.Absent > 0 {
		words += fmt.Sprintf("Classes without images of %s, left out of the mean: %d.\n", split, f.Absent)
	}
	return words
}

// lookSeveral is the measurement of a look for images of several classes.
func (r *run) lookSeveral(ctx context.Context, done func(int)) (*train.Look, error) {
	answers, loss, err := classify.SeveralLoss(ctx, r.answered(ctx), r.data.set.LabelSets, done)
	if err != nil {
		return nil, err
	}
	f, _ := assess.Several(answers, r.data.classes)
	return &train.Look{MAP: &f.MAP, Loss: loss}, nil
}
