package finetune

import (
	"context"

	"dtl-tf/runner/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// evaluate measures the trained model on the test images, once, after the last epoch.
func (f *fineTuning) evaluate(ctx context.Context) error {
	begun := now()
	progress := report.NewProgress(f.ui.Err, f.ui.Quiet)
	score, err := classify.Top1(ctx, f.session, f.data.test, f.backbone.ImageSize(), progress.Task("evaluating", f.data.counts[f.data.testSplit]))
	progress.Break()
	if err != nil {
		return err
	}
	f.record.Accuracy = &result.Accuracy{
		Top1: score.Top1, Images: score.Images, Split: f.data.testSplit,
		Epoch: f.record.Progress.Epochs, Note: result.OnceAfterLast,
	}
	f.record.Measurements.EvaluationSeconds = now().Sub(begun).Seconds()
	f.record.Data.Skipped = f.data.skipped.Count()
	return nil
}
