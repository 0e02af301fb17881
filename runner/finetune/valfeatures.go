package finetune

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/internal/classify"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// openValidation opens a store of the values of the validation images beside k, that of the training images, so that looks need not run
// the prefix either. It returns nil if looks read the images: if bfloat16 would round the values, if there are more validation
// images than training images, or if there are too few looks to pay. A resumed run looks as it did before.
func (r *run) openValidation(ctx context.Context, k *features, m storing) (*features, error) {
	c := r.config
	before, want := "", optional
	if c.Resume {
		before = validationBefore(r.folder)
	}
	switch {
	case r.data.val == nil || before == cacheOff:
		return nil, nil
	case before == cacheOn:
		want = required
	case c.CachePrecision != graph.FP32, len(r.data.watched) > len(k.rows):
		return nil, nil
	}
	values, obstacle := r.storable(m)
	if obstacle != nil { // not with k
		return nil, obstacle
	}
	options, err := r.storeOptions(k.store.Dir(), values, r.ui)
	if err != nil {
		return nil, err
	}
	v := &features{demand: want, record: k.record, source: r.data.val, listed: r.data.watched, images: r.data.images}
	v.images.Resize = c.TestResize
	v.options = data.LoaderOptions{Batch: firstPassBatch, CacheBytes: -1, SkipBad: c.SkipBadImages}
	v.order = func(int) ([][]int, error) {
		batches, err := v.source.Order(1)
		return slices.Collect(slices.Chunk(slices.Concat(batches...), firstPassBatch)), err
	}
	options.Key.Preprocessing, options.Key.Pictures = v.images.Preprocessing(), ""
	options.About.Data += ", validation"
	images := feature.NewImages(r.data.watchedSums())
	if v.store, err = feature.Open(ctx, options, images); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, r.withoutValidation(v, err)
	}
	if len(v.store.Missing()) > 0 && c.lookCount() < minEpochs && want == optional {
		return nil, v.store.Close()
	}
	v.match(images, r.data.watchedSums())
	k.record.Validation = true
	return v, nil
}

// validationBefore returns whether the looks of the run in a folder read stored values, on or off, "" if unknown.
func validationBefore(folder *result.Folder) string {
	old, err := result.ReadRun(folder.Path(result.RunFile))
	if err != nil {
		return ""
	}
	record, err := ReadRecord(old.Config)
	switch {
	case err != nil: // resume reports it
		return ""
	case record.ValidationCache == "":
		return cacheOff
	}
	return record.ValidationCache
}

// fillValidation computes the values that the store lacks.
func (r *run) fillValidation(ctx context.Context, v *features, t computing) error {
	if n := len(v.store.Missing()); n > 0 {
		r.ui.Note("feature cache: storing values of the %s validation images too", report.Thousands(len(v.items)))
	}
	ofTraining := *v.record
	loader, err := v.fill(ctx, r.plan, t, r.ui)
	v.record.Found, v.record.FirstPassSeconds, v.record.FirstPassProcessorSeconds = ofTraining.Found, ofTraining.FirstPassSeconds, ofTraining.FirstPassProcessorSeconds
	var failed *storeError
	switch {
	case errors.As(err, &failed):
		if err := r.withoutValidation(v, failed.error); err != nil {
			return err
		}
		return r.record.SetConfig(r.settings())
	case err != nil:
		return err
	}
	r.valued = loader
	r.closers = append(r.closers, loader.Close)
	return nil
}

// withoutValidation makes looks read the images. A run that has looked at stored values can't: the last digits would differ.
func (r *run) withoutValidation(v *features, reason error) error {
	if v.demand == required || r.from.Steps > 0 {
		return fmt.Errorf("the run to resume took values of the validation images from a feature cache, which is not possible now: %w", reason)
	}
	r.ui.Note("feature cache: not used for the validation images: %v", reason)
	v.record.Validation = false
	return nil
}

// answeredStored classifies the validation images from their stored values.
func (r *run) answeredStored(ctx context.Context) iter.Seq2[classify.Answered, error] {
	return func(yield func(classify.Answered, error) bool) {
		for b, err := range r.valued.Epoch(ctx, 1, 0) {
			var a classify.Answered
			if err == nil {
				a.Items = r.data.val.Items(b.Indices)
				a.Logits, err = r.logitsOf(b.Values, a.Items)
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

func (r *run) logitsOf(values []tensor.Tensor, items []data.Item) (tensor.Tensor, error) {
	logits, err := r.stored.StoredLogits(values)
	if err != nil {
		return logits, err
	}
	return logits, classify.Finite(logits, "", func(i int) string { return items[i].Path })
}
