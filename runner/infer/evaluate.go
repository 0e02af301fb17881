package infer

import (
	"context"
	"encoding/json"
	"fmt"

	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/assess/page"
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
func Eval(ctx context.Context, c EvalConfig, ui runner.UI) (s Scored, err error) {
	ui.Err = report.NewScreen(ui.Err)
	if c.Data == "" {
		return s, runner.Usagef("--data is required: name the folder of a data set")
	}
	if err := runner.CheckMachine(c.Batch, c.Threads); err != nil {
		return s, err
	}
	if err := c.checkOut(); err != nil {
		return s, err
	}
	several, owner := severalClasses(c.Adapter), "the adapter"
	var l *loaded
	if c.Adapter == "" { // the backbone says how its own head answers
		if l, err = loadClassifier(ctx, c.AdaptedConfig, c.Threads, ui.Note); err != nil {
			return s, err
		}
		defer l.Close()
		several, owner = l.several, ownHeadName
	}
	set, err := openData(c.Data, several, owner)
	if err != nil {
		return s, err
	}
	runner.NoteAll(set.Notes, ui.Note)
	items, err := splitOf(ctx, set, c.Split, c.Adapter, ui.Note)
	if err != nil {
		return s, err
	}
	if l == nil {
		if l, err = loadClassifier(ctx, c.AdaptedConfig, c.Threads, ui.Note); err != nil {
			return s, err
		}
		defer l.Close()
	}
	content, err := c.contentOf(ctx, set, items)
	if err != nil {
		return s, err
	}
	if set.LabelSets, err = l.match(c, set, items, ui.Note); err != nil {
		return s, err
	}
	if _, err := classify.Survey(ctx, items, l.images, ui.Note); err != nil {
		return s, err
	}
	skips := &data.Skips{Note: ui.Note}
	loader, closeLoader, err := classify.Sequential(items, l.images, c.Threads, classify.Once(c.Batch, c.SkipBadImages, skips))
	if err != nil {
		return s, err
	}
	defer closeLoader()
	progress := report.NewProgress(ui.Err, ui.Quiet)
	defer progress.Break()
	done := progress.Task("evaluating", len(items))
	record := assess.Record{
		Program: ui.Version, Time: result.Now(), Adapter: c.Adapter, Backbone: l.backbone, Method: l.method, Data: c.Data, Split: c.Split, Content: content, Exif: l.images.Upright,
		Classes: l.classes, ClassNames: l.classNames,
	}
	var e *assess.Evaluation
	switch {
	case l.several:
		answers, err := classify.Several(ctx, classify.Images(ctx, l, loader, l.images.Size), set.LabelSets, done)
		if err != nil {
			return s, err
		}
		record.Skipped = skips.Count()
		e = assess.NewSeveral(record, answers)
		s.Several = e.Several
	case c.Out == "":
		if s.Score, err = classify.Top1(ctx, l, loader, l.images.Size, done); err != nil {
			return s, err
		}
	default:
		score, answers, err := classify.Answers(ctx, classify.Images(ctx, l, loader, l.images.Size), done)
		if err != nil {
			return s, err
		}
		s.Score, record.Skipped = score, skips.Count()
		e = assess.New(record, answers)
	}
	progress.Break()
	noteDoubt(owner, s.Score, record, ui.Note)
	if c.Out == "" {
		return s, nil
	}
	if _, err = writeEvaluation(c.Out, e, ui.Note); err != nil {
		return s, err
	}
	return s, remove(c.Out, page.ComparisonFile)
}

// contentOf is data.Set.ContentOf if the evaluation is written.
func (c EvalConfig) contentOf(ctx context.Context, set *data.Set, items []data.Item) (string, error) {
	if c.Out == "" {
		return "", nil
	}
	return set.ContentOf(ctx, items)
}

// noteDoubt says that a classifier seems to know nothing about the images, if its score says so. record has the names of its classes.
func noteDoubt(owner string, s classify.Score, record assess.Record, note runner.NoteFunc) {
	if doubt := s.Doubt.Words(record.Name); doubt != "" {
		note("%s seems to have learnt nothing about these images, or to be made for others: %s", owner, doubt)
	}
}

// match gives the images of a data set the labels of the classifier, by class name if both have names. If an image has any number of
// classes, it returns their sets in the classes of the classifier.
func (l *loaded) match(c EvalConfig, set *data.Set, items []data.Item, note runner.NoteFunc) ([][]int, error) {
	owner := "the adapter " + c.Adapter
	if c.Adapter == "" {
		owner = ownHeadName
	}
	m := class.Find(class.Of(set), class.List{Owner: owner, Count: l.classes, Names: l.classNames})
	return relabel(m, set, items, note)
}

// relabel gives items the labels of a classifier, or returns the sets of labels of a set that has some.
func relabel(m class.Match, set *data.Set, items []data.Item, note runner.NoteFunc) (sets [][]int, err error) {
	if set.LabelSets != nil {
		if sets, err = m.RelabelSets(items, set.LabelSets); err != nil {
			return nil, err
		}
		runner.NoteAll([]string{m.Note(), m.SubsetNoteSets(items, sets)}, note)
		return sets, nil
	}
	if err := m.Relabel(items); err != nil {
		return nil, err
	}
	runner.NoteAll([]string{m.Note(), m.SubsetNote(items)}, note)
	return nil, nil
}

// severalClasses reports whether an image has any number of classes for an adapter. A file that can't be read is reported when it is opened.
func severalClasses(path string) bool {
	if path == "" {
		return false
	}
	a, err := adapter.Read(path, func(string, ...any) {})
	if err != nil {
		return false
	}
	several, err := adapter.SeveralClasses(a)
	return several && err == nil
}

// ownHeadName is the own head of a backbone in messages.
const ownHeadName = "the backbone's own head"

// openData opens a data set for a classifier of one class for an image, or of any number. owner is the classifier in a message.
func openData(path string, several bool, owner string) (*data.Set, error) {
	switch {
	case !several:
		return data.Open(path)
	case !data.IsTable(path):
		return nil, runner.Usagef("--data %s: %s was trained with --loss bce, so give a table of images with labels: .csv, .tsv or .jsonl", path, owner)
	}
	return data.OpenSeveral(path)
}

// Scored is the score of an evaluation: the accuracy, or figures of images of any number of classes.
type Scored struct {
	classify.Score
	Several *assess.SeveralFigures
}

// MarshalJSON implements json.Marshaler: the fields of the one or of the other.
func (s Scored) MarshalJSON() ([]byte, error) {
	if s.Several != nil {
		return json.Marshal(s.Several)
	}
	return json.Marshal(s.Score)
}

// String says the score in words.
func (s Scored) String() string {
	if f := s.Several; f != nil {
		text := fmt.Sprintf("mAP %.2f %%, F1 %.2f %% (micro) and %.2f %% (macro), all classes right for %.2f %% of %d images", 100*f.MAP, 100*f.MicroF1, 100*f.MacroF1, 100*f.ExactMatch, f.Images)
		if f.Absent > 0 {
			text += fmt.Sprintf("; classes without images, left out of the mean: %d", f.Absent)
		}
		return text
	}
	return fmt.Sprintf("top-1 %.2f %% of %d images", s.Top1, s.Images)
}
