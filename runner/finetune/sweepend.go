package finetune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// noComparison is the note of a sweep without validation images.
const noComparison = "there are no validation images that do not train, so the settings can't be compared: --val 0.15 sets some aside"

// run trains and evaluates. However it ends, the run.json of each setting says so.
func (s *sweep) run(ctx context.Context) error {
	first := s.settings[0]
	s.ui.Note("sweep: %s of %s train on the same batches; a forward pass of what they share serves all, and the order of the images is that of seed %d",
		report.Count(len(s.settings), "setting"), first.record.Method, s.base.config.Seed)
	quiet := first.ui
	first.ui = s.ui
	first.notePrecision()
	first.noteUnused()
	if s.base.data.val != nil {
		first.noteLooks()
	} else {
		s.ui.Note("%s", noComparison)
	}
	if s.config.EMA > 0 {
		s.ui.Note("%s", s.config.averageNote(s.base.config.Epochs*s.base.data.train.Steps()))
	}
	first.ui = quiet
	err := s.train(ctx)
	if err == nil {
		err = s.finish(ctx)
	}
	for _, m := range s.settings {
		if failed := m.end(err); failed != nil {
			return also(err, failed)
		}
	}
	if err != nil {
		if errors.Is(err, context.Canceled) && s.folder != nil {
			return fmt.Errorf("%w; what was done so far is in the folders in %s", err, s.folder.Path(""))
		}
		return err
	}
	return nil
}

// finish verifies the frozen weights and evaluates each setting on the test images, once.
func (s *sweep) finish(ctx context.Context) error {
	after, err := frozenSHA256(s.settings[0].trainer)
	if err != nil {
		return err
	}
	var trained []*member
	for _, m := range s.settings {
		m.record.Frozen = &result.Frozen{Before: s.frozen, After: after}
		if m.failed == nil {
			trained = append(trained, m)
		}
	}
	if err := sameFrozen(s.frozen, after); err != nil {
		return err
	}
	for _, m := range trained {
		if err := m.choose(); err != nil {
			return err
		}
	}
	if s.base.data.test == nil {
		s.ui.Note("no test split: nothing to evaluate on (--test 0.15 or --holdout 0.15 keeps some of the training images for that)")
		return nil
	}
	progress := report.NewProgress(s.ui.Err, s.ui.Quiet)
	defer progress.Break()
	done, images := progress.Task("evaluating", s.base.data.counts[s.base.data.testSplit]), 0
	counted := func(yield func(seen, error) bool) {
		for batch, err := range s.through(ctx, s.base.data.test) {
			if images += len(batch.items); err == nil {
				done(images)
			}
			if !yield(batch, err) {
				return
			}
		}
	}
	if err := s.pass(ctx, trained, counted, func(m *member) error { return m.evaluate(ctx) }); err != nil {
		return err
	}
	for _, m := range trained {
		if m.failed != nil {
			continue
		}
		if _, err := m.assess(); err != nil {
			return err
		}
	}
	return nil
}

// end writes the last run.json of a setting. err is that of the sweep.
func (m *member) end(err error) error {
	switch {
	case m.failed != nil:
		m.record.Status, m.record.Error = result.Failed, m.failed.Error()
	case err == nil:
		m.record.Status = result.Finished
	case errors.Is(err, context.Canceled):
		m.record.Status, m.record.Error = result.Interrupted, err.Error()
	default:
		m.record.Status, m.record.Error = result.Failed, err.Error()
	}
	m.record.Ended = result.Now()
	return m.save()
}

// score is the accuracy on the validation images with the weights that the setting ends with, nil if it has none.
func (m *member) score() *float64 {
	look := m.latest
	if s := m.record.Selection; s != nil && len(s.Looks) > 0 {
		best := s.Best()
		look = &best
	}
	if look == nil || m.failed != nil {
		return nil
	}
	score := look.Score()
	return &score
}

// table lists the settings by their accuracy on the validation images. Without any, they are in the order of the grid.
func (s *sweep) table() report.Table {
	measure := "top-1"
	if s.base.data.set.LabelSets != nil {
		measure = "mAP"
	}
	t := report.Table{MaxWidth: 120}
	for _, a := range s.axes {
		t.Columns = append(t.Columns, report.Column{Key: a.name, Title: a.name, Right: true})
	}
	list := slices.Clone(s.settings)
	slices.SortStableFunc(list, func(a, b *member) int { return cmp.Compare(rank(b), rank(a)) })
	failed := slices.ContainsFunc(list, func(m *member) bool { return m.failed != nil })
	t.Columns = append(t.Columns,
		report.Column{Key: "val_score", Title: "val " + measure + "\n%", Right: true, Text: report.Fixed(2)},
		report.Column{Key: "test_score", Title: "test " + measure + "\n%", Right: true, Text: report.Fixed(2)},
		report.Column{Key: "trainable_without_classifier", Title: "trainable\nparameters", Right: true, Text: report.Thousands},
		report.Column{Key: "folder", Title: "folder", Data: true},
		report.Column{Key: "note", Title: "note", Cut: true, Data: !failed})
	for _, m := range list {
		var row []any
		for _, p := range m.point {
			row = append(row, p.value)
		}
		var val, test, note any
		if score := m.score(); score != nil {
			val = *score
		}
		switch r := m.record; {
		case m.failed != nil:
			note = "failed: " + m.failed.Error()
		case r.Several != nil:
			test = 100 * r.Several.MAP
		case r.Accuracy != nil:
			test = r.Accuracy.Top1
		}
		t.Rows = append(t.Rows, append(row, val, test, m.record.Parameters.Trainable, m.folder.Path(""), note))
	}
	t.Note = "In the order of the grid: there are no validation images to compare the settings by."
	if s.base.data.val != nil {
		t.Note = "Sorted by the accuracy on the validation images. That on the test images chose nothing."
	}
	return t
}

// rank is what settings are sorted by.
func rank(m *member) float64 {
	switch score := m.score(); {
	case score != nil:
		return *score
	case m.failed != nil:
		return math.Inf(-1)
	}
	return -1
}

// print writes the table to sweep.csv and prints it. It returns an error if a setting failed.
func (s *sweep) print() error {
	t := s.table()
	if err := result.WriteFile(s.folder.Path(result.SweepFile), func(w io.Writer) error { return t.Render(w, report.CSV) }); err != nil {
		return err
	}
	if err := t.Render(s.ui.Out, report.Text); err != nil {
		return err
	}
	var failed []*member
	var best *member // of those that can be compared
	for _, m := range s.settings {
		if m.failed != nil {
			failed = append(failed, m)
		} else if s.base.data.val != nil && (best == nil || rank(m) > rank(best)) {
			best = m
		}
	}
	words := fmt.Sprintf("Results: %s, and a folder for each setting beside it\n", spell.Line(s.folder.Path(result.SweepFile)))
	if best != nil {
		words += best.howToUse()
	}
	if _, err := io.WriteString(s.ui.Out, words); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %s failed: %s: %w", len(failed), report.Count(len(s.settings), "setting"), failed[0].point, failed[0].failed)
	}
	return nil
}
