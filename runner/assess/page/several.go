package page

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/report"
)

// several is the content of a page that compares evaluations.
type several struct {
	Title, Subtitle string
	Runs            []column
	Intervals       *drawing
	Charts          []chart
	Differ          []cells // settings that differ
	Same            []setting
	Rest            []cells // of one run alone, or recorded by some
	Classes         []cells // recall of each class, the largest difference first
	ClassesLeft     int
	NoClasses       string
	Pairs           []pair
	NoPairs         string
	Labels          bool // images have any number of classes
}

// column is one of the compared evaluations.
type column struct {
	Name, Colour, Folder                string
	Accuracy, Range, Balanced, Top5, F1 string
	ECE, Images                         string
	MAP, MicroF1, Exact                 string // of images of any number of classes
}

// cells is a row with a value for each of the compared evaluations.
type cells struct {
	Name   string
	Values []string
	Spread string // largest minus smallest value
}

// pair is the comparison of two evaluations of the same images.
type pair struct {
	First, Second         string
	OnlyFirst, OnlySecond int
	P                     string
}

// maxPairs limits the table of pairs.
const maxPairs = 100

// Compare writes a page that compares two or more evaluations.
func Compare(w io.Writer, subjects []*Subject) error {
	return templates.ExecuteTemplate(w, "several", compare(subjects))
}

// measure is what a comparison is about: how often an answer is right, or how well the labels of an image are found.
type measure struct {
	labels      bool   // images may have several labels
	title, name string // of the curve on the validation images
	axis        string
	column      func(s *Subject) (column, assess.Share)
	curve       func(c Curves) []Curve
	classes     func(s *Subject) []classValue
}

var accuracy = measure{
	title: "Accuracy", name: "val accuracy", axis: "accuracy on val in %",
	column:  accuracyColumn,
	curve:   func(c Curves) []Curve { return c.Accuracy },
	classes: recalls,
}

// accuracyColumn returns the figures of an evaluation, and the share of right answers.
func accuracyColumn(s *Subject) (column, assess.Share) {
	f := s.Figures
	c := column{Accuracy: percent(f.Accuracy.Value), Balanced: percent(f.Balanced), F1: percent(f.MacroF1), ECE: percent(f.ECE), Top5: "–"}
	if f.Top5 != nil {
		c.Top5 = percent(f.Top5.Value)
	}
	return c, f.Accuracy
}

func compare(subjects []*Subject) several {
	m := accuracy
	if subjects[0].Several != nil {
		m = labelMeasure
	}
	names := apart(subjects)
	p := several{Title: fmt.Sprintf("%d evaluations compared", len(subjects)), Labels: m.labels}
	loss, second := chart{Title: "Loss"}, chart{Title: m.title}
	var shares []assess.Share
	var losses, seconds []Curve
	for i, s := range subjects {
		c, share := m.column(s)
		c.Name, c.Colour, c.Folder = names[i], fmt.Sprintf("c%d", i%colours), spell.Line(s.Folder)
		c.Range, c.Images = percent(share.Low)+"–"+percent(share.High), report.Thousands(s.Images)
		p.Runs, shares = append(p.Runs, c), append(shares, share)
		losses, seconds = append(losses, pick(names[i], s.Curves.Loss, "training")), append(seconds, pick(names[i], m.curve(s.Curves), "val"))
		loss.Legend = append(loss.Legend, legend{c.Colour, names[i]})
	}
	second.Legend = loss.Legend
	p.Intervals = intervals(names, shares)
	if loss.Drawing = lineChart("training loss", "training loss, mean over an epoch", losses, nil, 0); loss.Drawing != nil {
		p.Charts = append(p.Charts, loss)
	}
	if second.Drawing = lineChart(m.name, m.axis, seconds, nil, 0); second.Drawing != nil {
		p.Charts = append(p.Charts, second)
	}
	p.Differ, p.Same, p.Rest = settingsApart(subjects)
	p.classes(subjects, m.classes)
	p.pairs(subjects, names)
	return p
}

// pick returns the curve of a name as that of a run. A run without it has an empty one, so that each run keeps its colour.
func pick(run string, curves []Curve, name string) Curve {
	for _, c := range curves {
		if c.Name == name {
			return Curve{run, c.Epoch, c.Values}
		}
	}
	return Curve{Name: run}
}

// apart names subjects by their folders: the last part of the path if that tells them apart, else the whole path with a number.
func apart(subjects []*Subject) []string {
	names, seen := make([]string, len(subjects)), map[string]bool{}
	for i, s := range subjects {
		names[i] = spell.Line(filepath.Base(filepath.Clean(s.Folder)))
		seen[names[i]] = true
	}
	if len(seen) == len(names) {
		return names
	}
	for i, s := range subjects {
		names[i] = fmt.Sprintf("%d: %s", i+1, spell.Line(s.Folder))
	}
	return names
}

// settingsApart divides the settings of the subjects into those that differ, those that all have in common, and the rest: what belongs
// to a run alone, and what only some of them record.
func settingsApart(subjects []*Subject) (differ []cells, same []setting, rest []cells) {
	var order []string
	values, known := map[string][]string{}, map[string]int{}
	for i, s := range subjects {
		for _, v := range s.settings() {
			if values[v.Name] == nil {
				values[v.Name] = make([]string, len(subjects))
				order = append(order, v.Name)
			}
			values[v.Name][i] = v.Value
			known[v.Name]++
		}
	}
	own := []string{"out", "adapter", "started", "evaluated", "command", "time of training"}
	for _, name := range order {
		list := values[name]
		differs := slices.ContainsFunc(list, func(v string) bool { return v != list[0] })
		switch {
		case differs && (known[name] < len(subjects) || slices.Contains(own, name)):
			rest = append(rest, cells{Name: name, Values: list})
		case differs:
			differ = append(differ, cells{Name: name, Values: list})
		default:
			same = append(same, setting{name, list[0]})
		}
	}
	return differ, same, rest
}

// classValue is a figure of a class that has images.
type classValue struct {
	name  string
	value *float64
}

// recalls lists the recall of the classes.
func recalls(s *Subject) (list []classValue) {
	for _, c := range assess.Confusions(s.Evaluation.Classes, s.Answers).Classes {
		if c.Images > 0 {
			list = append(list, classValue{s.Name(c.Class), c.Recall})
		}
	}
	return list
}

// classes compares a figure of the classes, by name.
func (p *several) classes(subjects []*Subject, of func(s *Subject) []classValue) {
	type spread struct {
		cells
		width float64
	}
	values := make([]map[string]*float64, len(subjects))
	var order []string
	in := map[string]int{}
	for i, s := range subjects {
		values[i] = map[string]*float64{}
		for _, c := range of(s) {
			if values[i][c.name] == nil {
				values[i][c.name] = c.value
				if in[c.name]++; in[c.name] == 1 {
					order = append(order, c.name)
				}
			}
		}
	}
	var list []spread
	for _, name := range order {
		if in[name] < 2 {
			continue
		}
		row, low, high := spread{cells: cells{Name: spell.Line(name)}}, math.Inf(1), math.Inf(-1)
		for i := range subjects {
			v := values[i][name]
			row.Values = append(row.Values, optional(v))
			if v != nil {
				low, high = min(low, *v), max(high, *v)
			}
		}
		row.width, row.Spread = high-low, percent(high-low)
		list = append(list, row)
	}
	slices.SortStableFunc(list, func(a, b spread) int { return cmp.Compare(b.width, a.width) })
	for _, row := range list[:min(len(list), maxClasses)] {
		p.Classes = append(p.Classes, row.cells)
	}
	p.ClassesLeft = len(list) - len(p.Classes)
	if list == nil {
		p.NoClasses = "The evaluations have no class in common."
	}
}

// pairs tests the differences of evaluations of the same images.
func (p *several) pairs(subjects []*Subject, names []string) {
	for i := range subjects {
		for j := i + 1; j < len(subjects) && len(p.Pairs) < maxPairs; j++ {
			if d, same := assess.Compare(subjects[i].Evaluation, subjects[j].Evaluation); same {
				p.Pairs = append(p.Pairs, pair{names[i], names[j], d.OnlyFirst, d.OnlySecond, probability(d.P)})
			}
		}
	}
	if p.Pairs == nil {
		p.NoPairs = "No two of the evaluations are of the same images, so that their differences can't be tested image by image."
	}
}

// probability formats a p value.
func probability(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return strconv.FormatFloat(p, 'f', 4, 64)
}
