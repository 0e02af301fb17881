package finetune

import (
	"context"
	"fmt"
	"io"
	"time"

	"dtl-tf/runner/assess"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/result"
)

// evaluateSeveral is evaluate for images of several classes.
func (r *run) evaluateSeveral(ctx context.Context, done func(int), begun time.Time) (err error) {
	r.several, err = classify.Several(ctx, r.trainer, r.data.test, r.backbone.ImageSize(), r.data.set.LabelSets, done)
	if err != nil {
		return err
	}
	f, _ := assess.Several(r.several, r.data.classes)
	r.record.Several = &result.Several{
		Split: r.data.testSplit, Images: f.Images, Epoch: r.record.Progress.Epochs,
		MAP: f.MAP, MicroF1: f.MicroF1, MacroF1: f.MacroF1, ExactMatch: f.ExactMatch, Absent: f.Absent,
	}
	r.record.Measurements.EvaluationSeconds = result.Now().Sub(begun).Seconds()
	r.record.Data.Skipped = r.data.skipped.Count()
	return nil
}

// assessSeveral writes the answers and the figures of the classes, with --report, and returns what the summary says.
func (r *run) assessSeveral() (words string, err error) {
	f, each := assess.Several(r.several, r.data.classes)
	words = fmt.Sprintf("Mean average precision %.1f %%, F1 %.1f %% (micro) and %.1f %% (macro), all classes right for %.1f %% of the images.\n",
		100*f.MAP, 100*f.MicroF1, 100*f.MacroF1, 100*f.ExactMatch)
	if f.Absent > 0 {
		words += fmt.Sprintf("The mean leaves out %d classes without images of %s.\n", f.Absent, r.data.testSplit)
	}
	if !r.config.Report {
		return words, nil
	}
	err = result.WriteFile(r.folder.Path(result.PredictionsFile), func(w io.Writer) error {
		return assess.WriteSeveralPredictions(w, r.several, r.data.names())
	})
	if err != nil {
		return "", err
	}
	r.ui.Note("with --loss bce there are %s and %s, and no %s, confusion matrix or %s", result.PredictionsFile, result.PerClassFile, result.EvaluationFile, result.ReportFile)
	return words, result.WriteFile(r.folder.Path(result.PerClassFile), func(w io.Writer) error {
		return assess.WriteSeveralClasses(w, each, r.data.names())
	})
}
