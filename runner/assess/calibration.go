package assess

import "math"

// Bins is the number of bins of the calibration error, as in C. Guo et al., On calibration of modern neural networks, ICML 2017.
const Bins = 15

// Bin is the answers whose confidence is in (Low, High].
type Bin struct {
	Low, High  float64
	Images     int
	Confidence float64 // mean; 0 without images
	Accuracy   float64 // share of right answers; 0 without images
}

// Calibration divides answers by their confidence into Bins bins of equal width, and returns the expected calibration error: the mean,
// over images, of the distance between a bin's accuracy and its mean confidence. It needs at least one answer.
func Calibration(answers []Answer) (bins []Bin, ece float64) {
	bins = make([]Bin, Bins)
	for i := range bins {
		bins[i].Low, bins[i].High = float64(i)/Bins, float64(i+1)/Bins
	}
	for _, a := range answers {
		p := a.Probability()
		b := &bins[max(0, min(Bins-1, int(math.Ceil(p*Bins))-1))]
		b.Images++
		b.Confidence += p
		if a.Right() {
			b.Accuracy++
		}
	}
	for i := range bins {
		b := &bins[i]
		if b.Images > 0 {
			ece += math.Abs(b.Accuracy-b.Confidence) / float64(len(answers))
			b.Confidence /= float64(b.Images)
			b.Accuracy /= float64(b.Images)
		}
	}
	return bins, ece
}
