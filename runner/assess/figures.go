package assess

// Figures sums an evaluation up. All are fractions from 0 to 1.
type Figures struct {
	Accuracy   Share   `json:"accuracy"`
	Balanced   float64 `json:"balanced_accuracy"` // mean recall of the classes with images
	Top5       *Share  `json:"top5,omitempty"`    // nil with 5 classes or fewer, where all are right
	MacroF1    float64 `json:"macro_f1"`          // mean F1 of the classes with images or predictions
	Confidence float64 `json:"mean_confidence"`
	ECE        float64 `json:"expected_calibration_error"`
	Bins       int     `json:"calibration_bins"`
}

// Sum computes the figures of at least one answer. classes is the number of classes.
func Sum(classes int, answers []Answer) Figures {
	m := Confusions(classes, answers)
	var f Figures
	right, five := 0, 0
	for _, a := range answers {
		if a.Right() {
			right++
		}
		for _, top := range a.Top {
			if top.Class == a.True {
				five++
			}
		}
		f.Confidence += a.Probability() / float64(len(answers))
	}
	f.Accuracy = ShareOf(right, len(answers))
	if classes > Shown {
		s := ShareOf(five, len(answers))
		f.Top5 = &s
	}
	f.Balanced = mean(m.Classes, func(c Class) *float64 { return c.Recall })
	f.MacroF1 = mean(m.Classes, func(c Class) *float64 { return c.F1 })
	f.Bins = Bins
	_, f.ECE = Calibration(answers)
	return f
}

// mean is the mean of the defined values.
func mean(classes []Class, value func(Class) *float64) float64 {
	sum, n := 0.0, 0
	for _, c := range classes {
		if v := value(c); v != nil {
			sum += *v
			n++
		}
	}
	return sum / float64(n)
}
