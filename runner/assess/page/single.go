package page

import (
	"cmp"
	"fmt"
	"io"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/report"
)

const (
	maxWorst   = 10   // worst classes, and worst confusions
	maxClasses = 2000 // of the table of all classes
)

// figure is one of the large numbers at the top of a page.
type figure struct{ Name, Value, Unit, Note string }

// row is a class in a table.
type row struct {
	Name              string
	Images, Predicted int
	Precision, F1     string
	Recall, Range     string // of recall
	Taken             string // for which other class most often
}

// chart is a drawing with the legend of its curves.
type chart struct {
	Title   string
	Drawing *drawing
	Legend  []legend
}

type legend struct {
	Colour string // class of the style
	Name   string
}

// single is the content of a page about one evaluation.
type single struct {
	Title, Subtitle string
	Figures         []figure
	Charts          []chart
	NoCurves        string
	Reliability     *drawing
	ECE             string
	Bins            int
	Confidence      string
	Matrix          *drawing
	MatrixNote      string
	Classes         int
	Worst           []row
	Confusions      []string
	All             []row
	AllLeft         int
	Mistakes        []mistake
	Wrong           int
	Missing         string
	Settings        []setting
	Notes           []string
}

// Write writes the page about one evaluation. It reads the pictures of mistakes from the folder of the data set, and returns a note
// about those that it can't read, "" if there are none.
func (s *Subject) Write(w io.Writer) (note string, err error) {
	if s.Several != nil {
		p := s.labels()
		return p.Missing, templates.ExecuteTemplate(w, "labels", p)
	}
	p := s.single()
	return p.Missing, templates.ExecuteTemplate(w, "single", p)
}

func (s *Subject) single() single {
	e, f := s.Evaluation, s.Figures
	m := assess.Confusions(e.Classes, e.Answers)
	p := single{
		Title:    s.title(),
		Subtitle: fmt.Sprintf("%s of %s, %s", report.Count(e.Images, "image"), e.Split, moment(e.Time)),
		Figures:  s.figures(), ECE: percent(f.ECE), Bins: f.Bins, Confidence: percent(f.Confidence),
		Classes: e.Classes, Settings: s.settings(),
	}
	if s.Run != nil {
		p.Notes = s.Run.Notes
	}
	p.Charts = s.charts()
	p.NoCurves = s.noCurves(p.Charts)
	bins, _ := assess.Calibration(e.Answers)
	p.Reliability = reliability(bins)
	var left int
	p.Matrix, left = matrix(e, m)
	switch {
	case p.Matrix == nil:
		p.MatrixNote = "There are too many classes for a picture: confusion.csv lists the cells that are not zero."
	case left > 0:
		p.MatrixNote = fmt.Sprintf("%s cells with the fewest images are left out of the picture; confusion.csv has them.", report.Thousands(left))
	}
	for _, c := range m.Worst(2 * maxWorst) {
		p.Confusions = append(p.Confusions, c.Words(e.Name))
	}
	taken := map[int]assess.Confusion{} // the most frequent confusion of a class
	for _, c := range m.Worst(len(e.Answers)) {
		if _, known := taken[c.True]; !known {
			taken[c.True] = c
		}
	}
	line := func(c assess.Class) row {
		r := row{
			Name: spell.Line(e.Name(c.Class)), Images: c.Images, Predicted: c.Predicted,
			Precision: optional(c.Precision), Recall: optional(c.Recall), F1: optional(c.F1),
		}
		if c.Images > 0 {
			s := assess.ShareOf(c.Right, c.Images)
			r.Range = percent(s.Low) + "–" + percent(s.High)
		}
		if t, ok := taken[c.Class]; ok {
			r.Taken = fmt.Sprintf("%s (%d)", spell.Line(e.Name(t.Predicted)), t.Count)
		}
		return r
	}
	for _, c := range m.WorstClasses(maxWorst) {
		p.Worst = append(p.Worst, line(c))
	}
	for _, c := range m.Classes[:min(len(m.Classes), maxClasses)] {
		p.All = append(p.All, line(c))
	}
	p.AllLeft = len(m.Classes) - len(p.All)
	p.Mistakes, p.Wrong, p.Missing = mistakes(e, e.Data)
	return p
}

// noCurves says why there are no charts, "" if there are some.
func (s *Subject) noCurves(charts []chart) string {
	switch {
	case charts != nil:
		return ""
	case s.Run == nil:
		return "This is an evaluation without training: curves are in the report of the run that trained the adapter."
	}
	return "There are no curves: the run has no metrics.csv with a complete epoch."
}

func (s *Subject) figures() []figure {
	f := s.Figures
	between := func(s assess.Share) string {
		return fmt.Sprintf("%s to %s %% with 95 %% confidence; %s of %s", percent(s.Low), percent(s.High), report.Thousands(s.Count), report.Thousands(s.Of))
	}
	list := []figure{
		{"accuracy", percent(f.Accuracy.Value), "%", between(f.Accuracy)},
		{"balanced accuracy", percent(f.Balanced), "%", "mean recall of the classes"},
	}
	if f.Top5 != nil {
		list = append(list, figure{"top-5 accuracy", percent(f.Top5.Value), "%", between(*f.Top5)})
	}
	return append(list,
		figure{"macro F1", percent(f.MacroF1), "%", "mean F1 of the classes"},
		figure{"calibration error", percent(f.ECE), "%", fmt.Sprintf("expected calibration error, %d bins", f.Bins)},
	)
}

// charts draws the curves of the run; nil without curves.
func (s *Subject) charts() (list []chart) {
	epoch := 0.0 // of the weights that were evaluated
	if s.Run != nil && s.Run.Accuracy != nil {
		epoch = float64(s.Run.Accuracy.Epoch)
	}
	if s.Run != nil && s.Run.Several != nil {
		epoch = float64(s.Run.Several.Epoch)
	}
	add := func(title, y string, curves []Curve, share *assess.Share, shareName string) {
		d := lineChart(title, y, curves, share, epoch)
		if d == nil {
			return
		}
		c := chart{Title: title, Drawing: d}
		for i, curve := range curves {
			c.Legend = append(c.Legend, legend{fmt.Sprintf("c%d", i%colours), curve.Name})
		}
		if share != nil {
			c.Legend = append(c.Legend, legend{fmt.Sprintf("c%d", len(curves)%colours), shareName})
		}
		list = append(list, c)
	}
	if len(s.Curves.Loss) > 0 {
		add("Loss", "loss, mean over an epoch", s.Curves.Loss, nil, "")
	}
	if len(s.Curves.Accuracy) > 0 {
		add("Accuracy", "accuracy in %", s.Curves.Accuracy, &s.Figures.Accuracy, cmp.Or(s.Split, "test")+", with its interval")
	}
	if len(s.Curves.MAP) > 0 {
		add("Mean average precision", "mean average precision in %", s.Curves.MAP, nil, "")
	}
	return list
}
