package classify

import (
	"context"
	"math"
	"testing"

	"dtl-tf/graph/expect"
)

// TestAnswers: the score of Top1, and the answers in the order of the images with the softmax of their logits.
func TestAnswers(t *testing.T) {
	items, loader := colours(t)
	score, answers, err := Answers(context.Background(), Images(context.Background(), &redness{}, loader, 8), func(int) {})
	expect.NoError(t, err)
	if score.Images != 12 || math.Abs(score.Top1-100*8.0/12) > 1e-9 || len(answers) != 12 {
		t.Fatalf("%+v and %d answers, want 8 of 12 right", score, len(answers))
	}
	sure := math.E / (math.E + 2)
	for i, a := range answers {
		want, probability := items[i].Label, sure
		if want == 2 { // all logits are equal, so that the first counts
			want, probability = 0, 1.0/3
		}
		if a.Image != items[i].Name || a.True != items[i].Label || a.Predicted() != want || math.Abs(a.Probability()-probability) > 1e-9 {
			t.Errorf("answer %d is %+v", i, a)
		}
	}
}
