package classify

import (
	"context"
	"iter"
	"math"
	"slices"

	"dtl-tf/runner/data"
)

// TopLoss is Top1 of classified images that also measures the loss: the mean over the images of the cross-entropy with their labels, in nats.
func TopLoss(ctx context.Context, images iter.Seq2[Answered, error], done func(images int)) (Score, float64, error) {
	t, loss := NewTally(), 0.0
	seen, err := each(ctx, images, done, func(item data.Item, logits []float32) {
		t.Add(item.Label, Argmax(logits))
		loss += crossEntropy(logits, item.Label)
	})
	if err != nil {
		return Score{}, 0, err
	}
	return t.Score(), loss / float64(seen), nil
}

// crossEntropy is -log softmax(logits)[label].
func crossEntropy(logits []float32, label int) float64 {
	largest, sum := float64(slices.Max(logits)), 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - largest)
	}
	return largest + math.Log(sum) - float64(logits[label])
}

// sigmoidCrossEntropy is the sum over the classes of -log sigmoid(logit) for the classes of an image and of -log(1 - sigmoid(logit)) for the
// others.
func sigmoidCrossEntropy(logits []float32, classes []int) (sum float64) {
	for class, v := range logits {
		x := float64(v)
		if slices.Contains(classes, class) {
			x = -x
		}
		sum += max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) // log(1 + e^x), without overflow
	}
	return sum
}
