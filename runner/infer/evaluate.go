package infer

import (
	"context"

	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/adapter"
	"dtl-tf/runner/internal/class"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// EvalConfig is the configuration of Eval.
type EvalConfig struct {
	runner.AdaptedConfig // without an Adapter: the backbone's own head
	Data, Split          string
	Out                  string // folder for answers, figures and report; "": none are written
	Overwrite            bool   // replace the evaluation in Out
	SkipBadImages        bool
	Batch                int
	Threads              int
	// Adapters and DataSets are for EvalTasks: adapters as adapter.Find takes them, and one data set for each or one for all.
	Adapters, DataSets []string
}

// Eval measures the accuracy of an adapter, or of the backbone's own head, on a split.
func Eval(ctx context.Context, c EvalConfig, ui runner.UI) (classify.Score, error) {
	ui.Err = report.NewScreen(ui.Err)
	if c.Data == "" {
		return classify.Score{}, runner.Usagef("--data is required: name the folder of a data set")
	}
	if err := runner.CheckMachine(c.Batch, c.Threads); err != nil {
		return classify.Score{}, err
	}
	if err := c.checkOut(); err != nil {
		return classify.Score{}, err
	}
	set, err := data.Open(c.Data)
	if err != nil {
		return classify.Score{}, err
	}
	runner.NoteAll(set.Notes, ui.Note)
	items, err := splitOf(ctx, set, c.Split, c.Adapter, ui.Note)
	if err != nil {
		return classify.Score{}, err
	}
	l, err := loadClassifier(ctx, c.AdaptedConfig, adapter.Open, c.Threads, ui.Note)
	if err != nil {
		return classify.Score{}, err
	}
	defer l.Close()
	if err := l.match(c, set, items, ui.Note); err != nil {
		return classify.Score{}, err
	}
	if _, err := classify.Survey(ctx, items, l.images, ui.Note); err != nil {
		return classify.Score{}, err
	}
	s := &data.Skips{Note: ui.Note}
	loader, closeLoader, err := classify.Sequential(items, l.images, c.Batch, c.Threads, c.SkipBadImages, s)
	if err != nil {
		return classify.Score{}, err
	}
	defer closeLoader()
	progress := report.NewProgress(ui.Err, ui.Quiet)
	defer progress.Break()
	done := progress.Task("evaluating", len(items))
	if c.Out == "" {
		return classify.Top1(ctx, l, loader, l.images.Size, done)
	}
	score, answers, err := classify.Answers(ctx, l, loader, l.images.Size, done)
	if err != nil {
		return score, err
	}
	progress.Break()
	e := assess.New(assess.Record{
		Program: ui.Version, Time: result.Now(), Adapter: c.Adapter, Backbone: l.backbone, Method: l.method, Data: c.Data, Split: c.Split, Exif: l.images.Upright,
		Skipped: s.Count(), Classes: l.classes, ClassNames: l.classNames,
	}, answers)
	_, err = writeEvaluation(c.Out, e, ui.Note)
	return score, err
}

// match gives the images of a data set the labels of the classifier, by class name if both have names.
func (l *loaded) match(c EvalConfig, set *data.Set, items []data.Item, note runner.NoteFunc) error {
	owner := "the adapter " + c.Adapter
	if c.Adapter == "" {
		owner = "the backbone's own head"
	}
	m := class.Find(class.Of(set), class.List{Owner: owner, Count: l.classes, Names: l.classNames})
	if err := m.Relabel(items); err != nil {
		return err
	}
	runner.NoteAll([]string{m.Note(), m.SubsetNote(items)}, note)
	return nil
}
