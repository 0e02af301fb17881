package assess

import (
	"cmp"
	"encoding/csv"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// SeveralThreshold is the probability from which on an image is said to be of a class, if it may be of several.
const SeveralThreshold = 0.5

// SeveralAnswer is the answer for an image that may be of several classes.
type SeveralAnswer struct {
	Image         string
	True          []int     // classes, ascending
	Probabilities []float64 // of the classes
}

// Right tells whether all classes of the image are right.
func (a SeveralAnswer) Right() bool { return slices.Equal(a.Predicted(SeveralThreshold), a.True) }

// Sigmoid returns 1 / (1 + e^-x) for each logit.
func Sigmoid(logits []float32) []float64 {
	p := make([]float64, len(logits))
	for i, x := range logits {
		p[i] = 1 / (1 + math.Exp(-float64(x)))
	}
	return p
}

// Predicted are the classes of at least a probability.
func (a SeveralAnswer) Predicted(threshold float64) (classes []int) {
	for class, p := range a.Probabilities {
		if p >= threshold {
			classes = append(classes, class)
		}
	}
	return classes
}

// SeveralClass has the figures of a class: as scikit-learn's precision_recall_fscore_support with zero_division=0 at SeveralThreshold,
// and average_precision_score.
type SeveralClass struct {
	Images, Predicted     int
	Precision, Recall, F1 float64
	AveragePrecision      float64 // 0 without images
}

// SeveralFigures are the figures of all answers, from 0 to 1. The F1 scores are at SeveralThreshold.
type SeveralFigures struct {
	Images     int     `json:"images"`
	MAP        float64 `json:"map"` // mean of the average precision of the classes that have images
	MicroF1    float64 `json:"micro_f1"`
	MacroF1    float64 `json:"macro_f1"`                 // mean over all classes
	ExactMatch float64 `json:"exact_match"`              // share of the images of which all classes are right
	Absent     int     `json:"absent_classes,omitempty"` // classes without images, which MAP leaves out
}

// Several computes the figures of answers.
func Several(answers []SeveralAnswer, classes int) (f SeveralFigures, each []SeveralClass) {
	each = make([]SeveralClass, classes)
	right := make([]int, classes)
	exact, hits, all := 0, 0, 0
	for _, a := range answers {
		predicted := a.Predicted(SeveralThreshold)
		for _, class := range a.True {
			each[class].Images++
		}
		for _, class := range predicted {
			each[class].Predicted++
			if _, ok := slices.BinarySearch(a.True, class); ok {
				right[class]++
			}
		}
		if slices.Equal(predicted, a.True) {
			exact++
		}
	}
	for class := range each {
		c := &each[class]
		c.Precision, c.Recall = ratio(right[class], c.Predicted), ratio(right[class], c.Images)
		c.F1 = ratio(2*right[class], c.Predicted+c.Images)
		f.MacroF1 += c.F1 / float64(classes)
		hits, all = hits+right[class], all+c.Predicted+c.Images
		if c.Images == 0 {
			f.Absent++
			continue
		}
		c.AveragePrecision = averagePrecision(answers, class, c.Images)
		f.MAP += c.AveragePrecision
	}
	f.Images, f.MicroF1, f.ExactMatch = len(answers), ratio(2*hits, all), ratio(exact, len(answers))
	f.MAP /= float64(max(1, classes-f.Absent))
	return f, each
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// averagePrecision is the sum over thresholds, from the highest probability down, of the precision times the recall gained.
func averagePrecision(answers []SeveralAnswer, class, positives int) (sum float64) {
	type scored struct {
		p    float64
		true bool
	}
	list := make([]scored, len(answers))
	for i, a := range answers {
		_, is := slices.BinarySearch(a.True, class)
		list[i] = scored{a.Probabilities[class], is}
	}
	slices.SortFunc(list, func(a, b scored) int { return cmp.Compare(b.p, a.p) })
	found, before := 0, 0
	for i, s := range list {
		if s.true {
			found++
		}
		if i+1 == len(list) || list[i+1].p != s.p { // equal probabilities pass a threshold together
			sum += float64(found-before) / float64(positives) * float64(found) / float64(i+1)
			before = found
		}
	}
	return sum
}

// severalSeparator is between the classes of an image in files.
const severalSeparator = "|"

func severalColumns(names []string) []string {
	header := []string{"image", "true", "predicted"}
	for _, name := range names {
		header = append(header, "probability of "+Cell(name))
	}
	return header
}

// writeSeveralPredictions writes a line for each answer: image, true and predicted classes, separated by vertical bars, and the
// probability of each class.
func writeSeveralPredictions(w io.Writer, answers []SeveralAnswer, names []string) error {
	c := csv.NewWriter(w)
	_ = c.Write(severalColumns(names)) // an error sticks and comes from c.Error
	list := func(classes []int) string {
		var texts []string
		for _, class := range classes {
			texts = append(texts, names[class])
		}
		if texts == nil {
			return ""
		}
		return Cell(strings.Join(texts, severalSeparator))
	}
	for _, a := range answers {
		line := []string{Cell(a.Image), list(a.True), list(a.Predicted(SeveralThreshold))}
		for _, p := range a.Probabilities {
			line = append(line, decimal(p))
		}
		_ = c.Write(line)
	}
	c.Flush()
	return c.Error()
}

// writeSeveralClasses writes the figures of each class.
func writeSeveralClasses(w io.Writer, each []SeveralClass, names []string) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"class", "images", "predicted", "precision", "recall", "f1", "average_precision"})
	for class, v := range each {
		average := ""
		if v.Images > 0 {
			average = decimal(v.AveragePrecision)
		}
		_ = c.Write([]string{Cell(names[class]), strconv.Itoa(v.Images), strconv.Itoa(v.Predicted), decimal(v.Precision), decimal(v.Recall), decimal(v.F1), average})
	}
	c.Flush()
	return c.Error()
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
