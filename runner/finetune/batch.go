package finetune

import (
	"context"
	"iter"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
)

// batch is what a step works on: images, or what was stored of them.
type batch struct {
	images *data.Batch
	stored []tensor.Tensor
	labels []int32
}

// batches are those of an epoch without its first skip.
func (f *fineTuning) batches(ctx context.Context, epoch, skip int) iter.Seq2[batch, error] {
	return func(yield func(batch, error) bool) {
		if f.cache == nil {
			for b, err := range f.data.train.EpochFrom(ctx, epoch, skip) {
				if err != nil {
					yield(batch{}, err)
					return
				}
				if !yield(batch{images: b, labels: b.Labels}, nil) {
					return
				}
			}
			return
		}
		for b, err := range f.cache.loader.Epoch(ctx, epoch, skip) {
			if err != nil {
				yield(batch{}, err)
				return
			}
			labels := make([]int32, len(b.Indices))
			for i, index := range b.Indices {
				labels[i] = int32(f.data.items[index].Label)
			}
			if !yield(batch{stored: b.Values, labels: labels}, nil) {
				return
			}
		}
	}
}

// step trains on a batch; steps are counted from 1.
func (f *fineTuning) step(b batch, rate float64, step int) (float64, error) {
	if f.onStored != nil {
		return f.onStored.Step(b.stored, b.labels, rate, step-1)
	}
	return f.onImages.Step(b.images.Tensor(f.backbone.ImageSize()), b.labels, rate, step-1)
}
