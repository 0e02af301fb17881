package finetune

import (
	"context"
	"fmt"
	"time"

	"dtl-tf/runner"
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

// checkWatched checks that the mean average precision of looks is defined: that some class has validation images. Classes without any are
// noted, since the mean leaves them out.
func (c Config) checkWatched(d *dataset, note runner.NoteFunc) error {
	if d.set.LabelSets == nil || d.watched == nil {
		return nil
	}
	there := make([]bool, d.classes)
	for _, item := range d.watched {
		for _, class := range d.set.ClassesOf(item) {
			there[class] = true
		}
	}
	switch n := count(there); {
	case n == 0 && c.Select == SelectBest:
		return runner.Usagef("no validation image of %s has a class, so the mean average precision, by which --select best chooses, is not defined: give val images with labels", c.Data)
	case n == 0:
		note("no validation image has a class: val_map means nothing")
	case n < d.classes:
		note("classes without validation images, which val_map leaves out: %d of %d", d.classes-n, d.classes)
	}
	return nil
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
