package classify

import (
	"context"

	"dtl-tf/runner/data"
)

// Top1Masked is Top1 that also measures the accuracy, in percent, of the answers among the allowed classes only: the largest of their
// logits counts.
func Top1Masked(ctx context.Context, c Classifier, loader *data.Loader, size int, allowed []bool, done func(images int)) (score Score, masked float64, err error) {
	t, among := NewTally(), 0
	seen, err := each(ctx, Images(ctx, c, loader, size), done, func(item data.Item, logits []float32) {
		t.Add(item.Label, Argmax(logits))
		if argmaxAmong(logits, allowed) == item.Label {
			among++
		}
	})
	if err != nil {
		return Score{}, 0, err
	}
	return t.Score(), 100 * float64(among) / float64(seen), nil
}

// argmaxAmong is Argmax among the allowed values, -1 if none is.
func argmaxAmong(values []float32, allowed []bool) int {
	best := -1
	for i, v := range values {
		if allowed[i] && (best < 0 || v > values[best]) {
			best = i
		}
	}
	return best
}
