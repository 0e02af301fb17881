package classify

import (
	"context"
	"iter"

	"dtl-tf/runner/assess"
	"dtl-tf/runner/data"
)

// Several returns the answer for every classified image, in order. sets are the classes of an image by the label of its item, see
// data.OpenSeveral.
func Several(ctx context.Context, images iter.Seq2[Answered, error], sets [][]int, done func(images int)) (answers []assess.SeveralAnswer, err error) {
	_, err = each(ctx, images, done, func(item data.Item, logits []float32) {
		answers = append(answers, assess.SeveralAnswer{Image: item.Name, True: sets[item.Label], Probabilities: assess.Sigmoid(logits)})
	})
	return answers, err
}

// SeveralLoss is Several of classified images that also measures the loss: the mean over images and classes of the cross-entropy of the
// sigmoid, in nats.
func SeveralLoss(ctx context.Context, images iter.Seq2[Answered, error], sets [][]int, done func(images int)) (answers []assess.SeveralAnswer, loss float64, err error) {
	count := 0
	_, err = each(ctx, images, done, func(item data.Item, logits []float32) {
		answers = append(answers, assess.SeveralAnswer{Image: item.Name, True: sets[item.Label], Probabilities: assess.Sigmoid(logits)})
		loss += sigmoidCrossEntropy(logits, sets[item.Label])
		count += len(logits)
	})
	return answers, loss / float64(max(count, 1)), err
}

// Answers is Top1 of classified images that also returns the answer for every image, in order.
func Answers(ctx context.Context, images iter.Seq2[Answered, error], done func(images int)) (s Score, answers []assess.Answer, err error) {
	t := NewTally()
	_, err = each(ctx, images, done, func(item data.Item, logits []float32) {
		a := assess.Judge(item.Name, item.Label, logits)
		t.Add(a.True, a.Predicted())
		answers = append(answers, a)
	})
	if err != nil {
		return Score{}, nil, err
	}
	return t.Score(), answers, nil
}
