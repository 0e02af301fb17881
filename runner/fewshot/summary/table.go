package summary

import (
	"fmt"
	"math"
	"slices"

	"dtl-tf/dtl"
	"dtl-tf/runner/fewshot"
	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/sweep/tabulate"
)

// Average is the key of the mean over the data sets.
const Average = "average"

// Table is everything that is printed; its JSON form is the output format json.
type Table struct {
	Caption []string `json:"caption"`
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"rows"`
	Notes   []string `json:"notes,omitempty"`
	Missing []string `json:"missing_cells,omitempty"`
	Bad     []string `json:"unreadable_files,omitempty"` // with the reasons
}

// Column is a data set, or the average over them.
type Column struct {
	Key  string `json:"key"` // of Row.Scores
	Name string `json:"name"`
	Sets int    `json:"sets"` // that it averages; 1 for a data set
}

// Row is a method with a number of training images of each class.
type Row struct {
	Method string            `json:"method"`
	Name   string            `json:"name"` // as papers write it
	Shots  int               `json:"shots"`
	Scores map[string]Scored `json:"scores"` // by column; unknown ones are absent
}

// Scored is a score on the test images, with what chose the weights.
type Scored struct {
	sweep.Score
	Val    *float64       `json:"val_top1,omitempty"`      // on the validation images, mean over the seeds
	Chosen map[uint64]int `json:"chosen_epochs,omitempty"` // by seed
}

// build makes the table of cells that passed CheckOrigin.
func build(cells []source, bad []error) Table {
	t := Table{Columns: columns(cells), Bad: tabulate.Texts(bad)}
	shots := tabulate.Distinct(cells, func(c source) int { return c.Shots })
	for _, method := range tabulate.Methods(cells) {
		for _, n := range shots {
			mine := slices.DeleteFunc(slices.Clone(cells), func(c source) bool { return c.Method != method || c.Shots != n })
			t.Rows = append(t.Rows, t.row(method, n, mine))
		}
	}
	t.describe(cells)
	t.explain(cells)
	return t
}

// columns returns the data sets that have cells, those of the experiment first, and the average of two or more.
func columns(cells []source) (list []Column) {
	present := tabulate.Distinct(cells, func(c source) string { return c.Set })
	for _, s := range fewshot.Sets() {
		if i := slices.Index(present, s.Folder); i >= 0 {
			list = append(list, Column{s.Folder, s.Name, 1})
			present = slices.Delete(present, i, i+1)
		}
	}
	for _, own := range present {
		list = append(list, Column{own, own, 1})
	}
	if len(list) > 1 {
		list = append(list, Column{Average, fmt.Sprintf("Mean of %d", len(list)), len(list)})
	}
	return list
}

// sets returns the keys of the data sets.
func (t Table) sets() (keys []string) {
	for _, c := range t.Columns {
		if c.Key != Average {
			keys = append(keys, c.Key)
		}
	}
	return keys
}

// row makes the row of a method with a number of shots from its cells.
func (t Table) row(method string, shots int, cells []source) Row {
	r := Row{Method: method, Name: published.Of(method).Name, Shots: shots, Scores: map[string]Scored{}}
	scores := map[string]sweep.Score{}
	for _, set := range t.sets() {
		top1, val, chosen := map[uint64]float64{}, map[uint64]float64{}, map[uint64]int{}
		for _, c := range cells {
			if c.Set != set || c.Usable() != nil {
				continue
			}
			top1[c.Seed] = c.Run.Accuracy.Top1
			if s := c.Run.Selection; s != nil {
				val[c.Seed], chosen[c.Seed] = s.Best().Top1, s.Chosen
			}
		}
		if len(top1) == 0 {
			continue
		}
		scored := Scored{Score: sweep.ScoreOf(top1)}
		if len(val) == len(top1) {
			mean := sweep.ScoreOf(val).Mean
			scored.Val, scored.Chosen = &mean, chosen
		}
		r.Scores[set], scores[set] = scored, scored.Score
	}
	if len(t.sets()) > 1 {
		if s, ok := sweep.Average(t.sets(), scores, sweep.MeanOf(t.sets())); ok {
			r.Scores[Average] = Scored{Score: s}
		}
	}
	return r
}

// figure draws accuracy against shots: a panel for each data set, then the average.
func (t Table) figure() report.Panels {
	f := report.Panels{X: "training images of each class", Y: "top-1 accuracy, %"}
	for _, c := range t.Columns {
		panel := report.Panel{Title: c.Name}
		if c.Key == Average {
			panel.Title = fmt.Sprintf("Average of %d sets", c.Sets)
		}
		for _, r := range t.Rows {
			s, ok := r.Scores[c.Key]
			if !ok || math.IsNaN(s.Mean) {
				continue
			}
			i := slices.IndexFunc(panel.Lines, func(l report.Line) bool { return l.Name == r.Name })
			if i < 0 {
				i = len(panel.Lines)
				panel.Lines = append(panel.Lines, report.Line{Name: r.Name, Own: dtl.Ours(r.Method)})
			}
			l := &panel.Lines[i]
			l.X, l.Y = append(l.X, float64(r.Shots)), append(l.Y, s.Mean)
		}
		if len(panel.Lines) > 0 {
			f.Panels = append(f.Panels, panel)
		}
	}
	return f
}

// selectionOf describes how the weights of a cell were chosen.
func selectionOf(c source, every int) string {
	if c.Run.Selection == nil {
		return result.OnceAfterLast
	}
	return fmt.Sprintf("the weights of the epoch that was the best on the validation images (looked at every %s and after the last; of equals the first)",
		report.Count(every, "epoch"))
}
