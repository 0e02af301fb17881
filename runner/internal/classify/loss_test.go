package classify

import (
	"context"
	"math"
	"testing"

	"dtl-tf/graph/expect"
)

// TestTopLoss: redness is sure of nothing but the larger of three logits 1, 0, 0, or of 0, 0, 0. The expected value is computed by hand.
func TestTopLoss(t *testing.T) {
	_, loader := colours(t)
	score, loss, err := TopLoss(context.Background(), Images(context.Background(), &redness{}, loader, 8), func(int) {})
	expect.NoError(t, err)
	// Classes 0 and 1 are right: -log(e / (e + 2)) = 0.551444713932051. Class 2 gets 0, 0, 0: log 3 = 1.098612288668110.
	if want := (2*0.551444713932051 + 1.098612288668110) / 3; math.Abs(loss-want) > 1e-12 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	if score.Images != 12 || math.Abs(score.Top1-100*8.0/12) > 1e-9 {
		t.Errorf("got %+v, want 8 of 12", score)
	}
}

// TestCrossEntropy: large logits neither overflow nor lose the answer.
func TestCrossEntropy(t *testing.T) {
	for _, c := range []struct {
		logits []float32
		label  int
		want   float64
	}{
		{[]float32{0, 0}, 1, math.Ln2}, {[]float32{3e38, -3e38}, 0, 0}, {[]float32{1000, 999}, 1, 1.313261687518223}, // log(1 + e)
	} {
		if got := crossEntropy(c.logits, c.label); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v at %d: %v, want %v", c.logits, c.label, got, c.want)
		}
	}
}

// TestSigmoidCrossEntropy: torch.nn.functional.binary_cross_entropy_with_logits, summed (PyTorch 2.15.0, float64).
func TestSigmoidCrossEntropy(t *testing.T) {
	logits := []float32{0.5, -1.25, 3, -200, 200}
	for _, c := range []struct {
		classes []int
		want    float64
	}{{[]int{}, 204.274593417099}, {[]int{0, 2}, 200.774593417099}, {[]int{1, 3}, 405.524593417099}} {
		if got := sigmoidCrossEntropy(logits, c.classes); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v: %v, torch's %v", c.classes, got, c.want)
		}
	}
}

// TestSeveralLoss: the loss is the mean over images and classes, and the answers are those of Several. redness gives the logits 1, 0, 0 with
// the 1 for the class, or 0, 0, 0.
func TestSeveralLoss(t *testing.T) {
	items, loader := colours(t)
	sets := [][]int{{0}, {1, 2}, {}}
	answers, loss, err := SeveralLoss(context.Background(), Images(context.Background(), &redness{}, loader, 8), sets, func(int) {})
	expect.NoError(t, err)
	// log(1 + 1/e) = 0.313261687518223, log(1 + e) = 1.313261687518223
	zero, right := math.Ln2, 0.313261687518223
	if want := ((right + 2*zero) + (right + 2*zero) + 3*zero) / 9; math.Abs(loss-want) > 1e-12 {
		t.Errorf("loss %v, want %v", loss, want)
	}
	if len(answers) != 12 || answers[5].Image != items[5].Name || len(answers[5].True) != len(sets[items[5].Label]) {
		t.Errorf("%+v", answers)
	}
}
