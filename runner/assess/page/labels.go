package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/report"
)

// labels is the content of a page about an evaluation of images of any number of classes.
type labels struct {
	Title, Subtitle string
	Figures         []figure
	Charts          []chart
	NoCurves        string
	Classes         int
	Worst, All      []labelRow
	AllLeft         int
	Mistakes        []mistake
	Wrong           int
	Missing         string
	Settings        []setting
	Notes           []string
	Threshold       float64
}

// labelRow is a class in a table.
type labelRow struct {
	Name                           string
	Images, Predicted              int
	Precision, Recall, F1, Average string
}

func (s *Subject) labels() labels {
	f, each := assess.Several(s.SeveralAnswers, s.Classes)
	left := "mean over the classes"
	if f.Absent > 0 {
		left = fmt.Sprintf("mean over the %d of %d classes that have images", s.Classes-f.Absent, s.Classes)
	}
	p := labels{
		Title:    s.title(),
		Subtitle: fmt.Sprintf("%s of %s, %s", report.Count(s.Images, "image"), s.Split, moment(s.Time)),
		Figures: []figure{
			{"mean average precision", percent(f.MAP), "%", left},
			{"micro F1", percent(f.MicroF1), "%", "of all decisions together"},
			{"macro F1", percent(f.MacroF1), "%", "mean F1 of the classes"},
			{"exact match", percent(f.ExactMatch), "%", "images of which all classes are right"},
		},
		Charts: s.charts(), Classes: s.Classes, Settings: s.settings(), Threshold: assess.SeveralThreshold,
	}
	p.NoCurves = s.noCurves(p.Charts)
	if s.Run != nil {
		p.Notes = s.Run.Notes
	}
	var worst []int
	for class, v := range each {
		if class < maxClasses {
			p.All = append(p.All, s.labelRow(class, v))
		}
		if v.Images > 0 && (v.AveragePrecision < 1 || v.F1 < 1) {
			worst = append(worst, class)
		}
	}
	p.AllLeft = len(each) - len(p.All)
	slices.SortStableFunc(worst, func(a, b int) int {
		return cmp.Or(cmp.Compare(each[a].AveragePrecision, each[b].AveragePrecision), cmp.Compare(each[a].F1, each[b].F1))
	})
	for _, class := range worst[:min(len(worst), maxWorst)] {
		p.Worst = append(p.Worst, s.labelRow(class, each[class]))
	}
	p.Mistakes, p.Wrong = s.wrongLabels()
	p.Missing = pictures(s.Evaluation, s.Data, p.Mistakes)
	return p
}

func (s *Subject) labelRow(class int, v assess.SeveralClass) labelRow {
	r := labelRow{
		Name: spell.Line(s.Name(class)), Images: v.Images, Predicted: v.Predicted,
		Precision: percent(v.Precision), Recall: percent(v.Recall), F1: percent(v.F1), Average: percent(v.AveragePrecision),
	}
	if v.Images == 0 {
		r.Recall, r.Average = "–", "–"
	}
	if v.Predicted == 0 {
		r.Precision = "–"
	}
	return r
}

// wrongLabels lists the most confident wrong decisions, each about an image and a class, and says how many are wrong. The confidence of
// a missed class is one minus its probability.
func (s *Subject) wrongLabels() (list []mistake, total int) {
	type decision struct {
		image, class int
		confidence   float64
	}
	var wrong []decision
	for i, a := range s.SeveralAnswers {
		for class, p := range a.Probabilities {
			_, is := slices.BinarySearch(a.True, class)
			switch said := p >= assess.SeveralThreshold; {
			case said && !is:
				wrong = append(wrong, decision{i, class, p})
			case is && !said:
				wrong = append(wrong, decision{i, class, 1 - p})
			}
		}
	}
	slices.SortStableFunc(wrong, func(a, b decision) int { return cmp.Compare(b.confidence, a.confidence) })
	total = len(wrong)
	for _, d := range wrong[:min(total, maxMistakes)] {
		a := s.SeveralAnswers[d.image]
		var names []string
		for _, class := range a.True {
			names = append(names, spell.Line(s.Name(class)))
		}
		said := spell.Line(s.Name(d.class))
		if a.Probabilities[d.class] < assess.SeveralThreshold {
			said = "not " + said
		}
		list = append(list, mistake{
			Image: spell.Line(a.Image), Predicted: said, Probability: percent(d.confidence),
			True: cmp.Or(strings.Join(names, ", "), "none"), file: a.Image,
		})
	}
	return list, total
}
