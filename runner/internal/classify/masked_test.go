package classify

import (
	"context"
	"math"
	"testing"

	"dtl-tf/graph/expect"
)

// TestTop1Masked: redness is right about classes 0 and 1, and calls class 2, whose logits are all 0, class 0. Among some classes only, the
// first largest of their logits counts.
func TestTop1Masked(t *testing.T) {
	for _, c := range []struct {
		allowed []bool
		want    float64 // of 12 images, 4 of each class
	}{
		{[]bool{true, true, true}, 8}, {[]bool{false, true, true}, 4}, {[]bool{false, false, true}, 4}, {[]bool{true, false, true}, 4}, {[]bool{false, false, false}, 0},
	} {
		_, loader := colours(t)
		score, masked, err := Top1Masked(context.Background(), &redness{}, loader, 8, c.allowed, func(int) {})
		expect.NoError(t, err)
		if score.Images != 12 || math.Abs(score.Top1-100*8.0/12) > 1e-9 || math.Abs(masked-100*c.want/12) > 1e-9 {
			t.Errorf("%v: %+v, masked %v, want %v of 12", c.allowed, score, masked, c.want)
		}
	}
}
