package page

import (
	"fmt"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/report"
)

// compareLabels is compare for evaluations of images of any number of classes.
func compareLabels(subjects []*Subject) several {
	names := apart(subjects)
	p := several{Title: fmt.Sprintf("%d evaluations compared", len(subjects)), Labels: true}
	loss, average := chart{Title: "Loss"}, chart{Title: "Mean average precision"}
	var losses, averages []Curve
	var shares []assess.Share
	for i, s := range subjects {
		f, colour := s.Several, fmt.Sprintf("c%d", i%colours)
		exact := 0
		for _, a := range s.SeveralAnswers {
			if a.Right() {
				exact++
			}
		}
		share := assess.ShareOf(exact, len(s.SeveralAnswers))
		shares = append(shares, share)
		p.Runs = append(p.Runs, column{
			Name: names[i], Colour: colour, Folder: spell.Line(s.Folder), MAP: percent(f.MAP), MicroF1: percent(f.MicroF1), F1: percent(f.MacroF1),
			Exact: percent(f.ExactMatch), Range: percent(share.Low) + "–" + percent(share.High), Images: report.Thousands(s.Images),
		})
		losses, averages = append(losses, pick(names[i], s.Curves.Loss, "training")), append(averages, pick(names[i], s.Curves.MAP, "val"))
		loss.Legend = append(loss.Legend, legend{colour, names[i]})
	}
	average.Legend = loss.Legend
	p.Intervals = intervals(names, shares)
	if loss.Drawing = lineChart("training loss", "training loss, mean over an epoch", losses, nil, 0); loss.Drawing != nil {
		p.Charts = append(p.Charts, loss)
	}
	if average.Drawing = lineChart("val mean average precision", "mean average precision on val in %", averages, nil, 0); average.Drawing != nil {
		p.Charts = append(p.Charts, average)
	}
	p.Differ, p.Same, p.Rest = settingsApart(subjects)
	p.classes(subjects, averagePrecisions)
	p.pairs(subjects, names)
	return p
}

// averagePrecisions lists the average precision of the classes.
func averagePrecisions(s *Subject) (list []classValue) {
	_, each := assess.Several(s.SeveralAnswers, s.Evaluation.Classes)
	for class, v := range each {
		if v.Images > 0 {
			list = append(list, classValue{s.Name(class), &v.AveragePrecision})
		}
	}
	return list
}
