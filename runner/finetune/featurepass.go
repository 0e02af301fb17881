package finetune

import (
	"context"
	"errors"
	"fmt"

	"dtl-tf/runner/data"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// fillCache computes what the store lacks and makes it ready for training. Where the store can't be written, auto builds
// the model anew without it.
func (f *fineTuning) fillCache(ctx context.Context) error {
	k := f.cache
	if k == nil {
		f.recordCache()
		return nil
	}
	err := f.writeCache(ctx)
	if err == nil {
		err = f.leaveOutUnreadable()
	}
	if err == nil {
		if k.loader, err = k.store.Loader(k.rows, f.data.train.Order, f.config.Epochs); err != nil {
			return err
		}
		f.recordCache()
		return nil
	}
	var failed *storeError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted while the feature cache was written, nothing of it is left: %w", ctx.Err())
	case !errors.As(err, &failed):
		return err
	}
	if f.from.Steps > 0 { // what was restored was trained on stored values, which differ in rounding
		return fmt.Errorf("the run to resume took values from a feature cache, which is not possible now: %w", failed.error)
	}
	if err := f.without(k, failed.Error(), failed.error); err != nil {
		return err
	}
	if err := f.session.Close(); err != nil {
		return err
	}
	if err := f.build(); err != nil {
		return err
	}
	if err := f.record.SetConfig(f.resolved()); err != nil {
		return err
	}
	f.recordCache()
	return nil
}

// recordCache puts what became of the cache into run.json.
func (f *fineTuning) recordCache() {
	switch {
	case f.cache != nil:
		f.record.FeatureCache = &f.cache.record
	case f.noCache != "":
		f.record.FeatureCache = &result.FeatureCache{Reason: f.noCache}
	}
}

// storeError is a failure of the store, without which training is possible.
type storeError struct{ error }

// Unwrap implements the errors package's protocol.
func (e *storeError) Unwrap() error { return e.error }

// writeCache computes the missing values of all training images, in the order of the store's rows.
func (f *fineTuning) writeCache(ctx context.Context) error {
	k, begun := f.cache, now()
	if len(k.store.Missing()) == 0 {
		return nil
	}
	w, err := k.store.Writer(ctx)
	if err != nil {
		return &storeError{err}
	}
	if w == nil { // another run has written it meanwhile
		k.record.Found = k.record.Values
		return nil
	}
	defer w.Close()
	loader, err := data.NewLoader(k.items, f.data.images, data.LoaderOptions{Batch: firstPassBatch, CacheBytes: -1, SkipBad: f.config.SkipBadImages})
	if err != nil {
		return err
	}
	defer loader.Close()
	progress := report.NewProgress(f.ui.Err, f.ui.Quiet)
	defer progress.Break()
	done, seen := progress.Task("storing features", len(k.items)), 0
	for b, err := range loader.Epoch(ctx, 1) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		values, err := f.session.ComputeStored(b.Tensor(f.backbone.ImageSize()))
		if err != nil {
			return err
		}
		if err := w.Write(b.Indices, values); err != nil {
			return &storeError{err}
		}
		seen += b.Size()
		done(seen)
	}
	if err := w.Commit(); err != nil {
		return &storeError{err}
	}
	k.record.Found = k.record.Values - len(w.Missing())
	k.record.FirstPassSeconds = now().Sub(begun).Seconds()
	return nil
}

// leaveOutUnreadable does with the images that the store has no values of what a loader does with them.
func (f *fineTuning) leaveOutUnreadable() error {
	k := f.cache
	bad := map[int]bool{}
	for _, row := range k.store.Unreadable() {
		bad[row] = true
	}
	for i, row := range k.rows {
		if !bad[row] {
			continue
		}
		_, err := f.data.images.Load(f.data.items[i].Path)
		switch {
		case err == nil:
			return &storeError{fmt.Errorf("%s says that %s can't be read, and it can (remove the cache with 'dtl-tf cache clear')", k.store.Folder(), f.data.items[i].Path)}
		case !f.config.SkipBadImages:
			return err
		}
		f.data.train.Skip(i, err)
	}
	return nil
}
