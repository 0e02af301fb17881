package runner

import (
	"context"
	"fmt"

	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// Score is the outcome of an evaluation.
type Score struct {
	Top1   float64 `json:"top1"` // percent
	Images int     `json:"images"`
}

// measureTop1 classifies every image of a loader once.
func measureTop1(ctx context.Context, c classifier, loader *data.Loader, size int, done func(images int)) (Score, error) {
	right, seen := 0, 0
	for b, err := range loader.Epoch(ctx, 1) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return Score{}, err
		}
		logits, err := finiteLogits(c, loader, b, size)
		if err != nil {
			return Score{}, err
		}
		classes := logits.Shape[1]
		for i, label := range b.Labels {
			if argmax(logits.Float32()[i*classes:(i+1)*classes]) == int(label) {
				right++
			}
		}
		seen += len(b.Labels)
		done(seen)
	}
	if err := ctx.Err(); err != nil {
		return Score{}, fmt.Errorf("interrupted during the evaluation: %w", err)
	}
	if seen == 0 {
		return Score{}, Usagef("no image could be evaluated")
	}
	return Score{Top1: 100 * float64(right) / float64(seen), Images: seen}, nil
}

// argmax is the index of the largest value, the first of equal ones.
func argmax(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// evaluate measures the trained model on the test images, once, after the last epoch.
func (f *fineTuning) evaluate(ctx context.Context) error {
	begun := now()
	progress := report.NewProgress(f.ui.Err, f.ui.Quiet)
	score, err := measureTop1(ctx, f.session, f.data.test, f.backbone.ImageSize(), progress.Task("evaluating", f.data.counts[f.data.testSplit]))
	progress.Break()
	if err != nil {
		return err
	}
	f.record.Accuracy = &result.Accuracy{
		Top1: score.Top1, Images: score.Images, Split: f.data.testSplit,
		Epoch: f.record.Progress.Epochs, Note: result.OnceAfterLast,
	}
	f.record.Measurements.EvaluationSeconds = now().Sub(begun).Seconds()
	f.record.Data.Skipped = f.data.skipped.count()
	return nil
}

// EvalConfig says what to evaluate.
type EvalConfig struct {
	Backbone      BackboneConfig
	Method        MethodConfig
	Adapter       string // "": the backbone's own head
	Data, Split   string
	SkipBadImages bool
	Batch         int
	Threads       int
}

// Eval measures the accuracy of an adapter, or of the backbone's own head, on a split.
func Eval(ctx context.Context, c EvalConfig, ui UI) (Score, error) {
	ui.Err = report.NewScreen(ui.Err)
	if c.Data == "" {
		return Score{}, Usagef("--data is required: name the folder of a data set")
	}
	if err := checkMachine(c.Batch, c.Threads); err != nil {
		return Score{}, err
	}
	set, err := data.Open(c.Data)
	if err != nil {
		return Score{}, err
	}
	noteAll(set.Notes, ui.Note)
	items, err := set.Split(c.Split)
	if err != nil {
		return Score{}, &UsageError{err}
	}
	l, err := loadClassifier(ctx, c.Backbone, c.Adapter, c.Method, c.Threads, ui.Note)
	if err != nil {
		return Score{}, err
	}
	defer l.Close()
	if err := l.match(c, set, items, ui.Note); err != nil {
		return Score{}, err
	}
	if _, err := look(ctx, items, ui.Note); err != nil {
		return Score{}, err
	}
	s := &skips{note: ui.Note}
	loader, closeLoader, err := sequential(items, l.image, c.Batch, c.Threads, c.SkipBadImages, s)
	if err != nil {
		return Score{}, err
	}
	defer closeLoader()
	progress := report.NewProgress(ui.Err, ui.Quiet)
	defer progress.Break()
	return measureTop1(ctx, l, loader, l.image, progress.Task("evaluating", len(items)))
}
