// Package assess judges a classifier by its answers about the images of a split: accuracy with its interval, figures of each class,
// confusions, calibration, and the comparison of two classifiers. It writes answers and figures to files, and reads them again.
package assess

import "math"

// Shown is the number of classes that an answer names, the most probable first.
const Shown = 5

// Ranked is a class with its probability.
type Ranked struct {
	Class       int
	Probability float64
}

// Answer is what a classifier says about one image.
type Answer struct {
	Image           string // path from the folder of the data set, with slashes
	True            int    // class
	TrueProbability float64
	Top             []Ranked // the Shown most probable classes, or all if there are fewer
}

// Predicted is the most probable class.
func (a Answer) Predicted() int { return a.Top[0].Class }

// Probability is that of the predicted class, the confidence.
func (a Answer) Probability() float64 { return a.Top[0].Probability }

// Right reports whether the predicted class is the true one.
func (a Answer) Right() bool { return a.Predicted() == a.True }

// Judge makes the answer for an image from its logits [classes], which must be finite.
func Judge(image string, class int, logits []float32) Answer {
	top, sum := rank(logits, Shown)
	return Answer{
		Image: image, True: class, Top: top,
		TrueProbability: math.Exp(float64(logits[class])-float64(logits[top[0].Class])) / sum,
	}
}

// Rank returns the n most probable classes by softmax of the logits [classes], all if there are fewer. Of equal logits the lower class
// comes first.
func Rank(logits []float32, n int) []Ranked {
	top, _ := rank(logits, n)
	return top
}

// rank is Rank, with the sum of exp(logit - largest logit).
func rank(logits []float32, n int) (top []Ranked, sum float64) {
	n = min(n, len(logits))
	top = make([]Ranked, 0, n+1)
	for class, v := range logits {
		at := len(top)
		for at > 0 && float64(v) > top[at-1].Probability { // a logit until the end
			at--
		}
		if at == n {
			continue
		}
		top = append(top, Ranked{})
		copy(top[at+1:], top[at:])
		top[at] = Ranked{class, float64(v)}
		top = top[:min(len(top), n)]
	}
	largest := top[0].Probability
	for _, v := range logits {
		sum += math.Exp(float64(v) - largest)
	}
	for i := range top {
		top[i].Probability = math.Exp(top[i].Probability-largest) / sum
	}
	return top, sum
}
