package infer

import (
	"dtl-tf/runner"
	"dtl-tf/runner/report"
)

// follow shows how far predictions are, and counts the unsure ones.
type follow struct {
	progress *report.Progress
	done     func(images int)
	config   PredictConfig
	images   int
	answers  int
	unsure   int
}

// follow begins. A batch of images needs no progress, and on a terminal the predictions themselves are the progress.
func (c PredictConfig) follow(images int, ui runner.UI) *follow {
	quiet := ui.Quiet || images <= c.Batch || report.IsTerminal(ui.Out)
	f := &follow{progress: report.NewProgress(ui.Err, quiet), config: c}
	f.done = f.progress.Task("predicting", images)
	return f
}

func (f *follow) answer(p Prediction) {
	if p.Labels != nil { // whose classes below the threshold are left out, not unsure
		return
	}
	f.answers++
	if p.unsure() {
		f.unsure++
	}
}

func (f *follow) batch(images int) {
	f.images += images
	f.done(f.images)
}

// end ends the line of the progress.
func (f *follow) end() { f.progress.Break() }

// sum notes how many predictions are unsure.
func (f *follow) sum(note runner.NoteFunc) {
	if f.config.Threshold > 0 && f.answers > 0 {
		f.end()
		note("unsure, with a probability below %v: %d of %s", f.config.Threshold, f.unsure, report.Count(f.answers, "prediction"))
	}
}
