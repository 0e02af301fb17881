package finetune

import (
	"context"
	"iter"

	"dtl-tf/dtl"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
)

// batch is the input of one training step, bound to the trainer.
type batch struct {
	labels []int32
	step   func(rate float64, step int) (loss float64, err error)
}

// batches yields the batches of an epoch, counted from 1, without its first skip.
type batches func(ctx context.Context, epoch, skip int) iter.Seq2[batch, error]

// imageBatches trains on the images of a loader, [B, size, size, 3].
func imageBatches(t *dtl.ImageTrainer, l *data.Loader, size int, targets *targeter) batches {
	return func(ctx context.Context, epoch, skip int) iter.Seq2[batch, error] {
		return convert(l.EpochFrom(ctx, epoch, skip), func(b *data.Batch) batch {
			return batch{b.Labels, func(rate float64, step int) (float64, error) {
				return t.StepTowards(b.Tensor(size), targets.of(b.Labels, b.Lambda), rate, step)
			}}
		})
	}
}

// storedBatches trains on the stored values of the items, or of their views.
func storedBatches(t *dtl.StoredTrainer, l *feature.Loader, items []data.Item, targets *targeter) batches {
	return func(ctx context.Context, epoch, skip int) iter.Seq2[batch, error] {
		return convert(l.Epoch(ctx, epoch, skip), func(b *feature.Batch) batch {
			labels := make([]int32, len(b.Indices))
			for i, index := range b.Indices {
				labels[i] = int32(items[index%len(items)].Label)
			}
			return batch{labels, func(rate float64, step int) (float64, error) {
				return t.StepTowards(b.Values, targets.of(labels, 1), rate, step)
			}}
		})
	}
}

// convert maps the batches of a sequence up to its first error.
func convert[B any](from iter.Seq2[B, error], to func(B) batch) iter.Seq2[batch, error] {
	return func(yield func(batch, error) bool) {
		for b, err := range from {
			if err != nil {
				yield(batch{}, err)
				return
			}
			if !yield(to(b), nil) {
				return
			}
		}
	}
}
