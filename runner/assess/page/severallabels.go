package page

import "dtl-tf/runner/assess"

// labelMeasure is for evaluations of images of any number of classes.
var labelMeasure = measure{
	labels: true,
	title:  "Mean average precision", name: "val mean average precision", axis: "mean average precision on val in %",
	column:  labelColumn,
	curve:   func(c Curves) []Curve { return c.MAP },
	classes: averagePrecisions,
}

// labelColumn returns the figures of an evaluation, and the share of images all of whose classes were found and no others.
func labelColumn(s *Subject) (column, assess.Share) {
	f, exact := s.Several, 0
	for _, a := range s.SeveralAnswers {
		if a.Right() {
			exact++
		}
	}
	c := column{MAP: percent(f.MAP), MicroF1: percent(f.MicroF1), F1: percent(f.MacroF1), Exact: percent(f.ExactMatch)}
	return c, assess.ShareOf(exact, len(s.SeveralAnswers))
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
