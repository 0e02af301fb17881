package finetune

import (
	"context"
	"fmt"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
	"dtl-tf/runner/feature"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
)

// firstPassBatch is the number of images that a device computes at a time. It does not change the values; those of 16 images of ViT-B/16
// take 130 MB.
const firstPassBatch = 16

// computing computes what the store holds of images.
type computing interface {
	ComputeStored(images tensor.Tensor) ([]tensor.Tensor, error)
}

// storeError is a failure of the store; the run can train without a store.
type storeError struct{ error }

// fill computes the values that the store lacks and opens the loader of the training batches. Its error is a *storeError if
// the run could do without the store.
func (k *features) fill(ctx context.Context, p *plan, t computing, ui runner.UI) (*feature.Loader, error) {
	err := k.write(ctx, t, ui)
	if err == nil {
		err = k.omitUnreadable()
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("interrupted while the feature cache was written, nothing of it is left: %w", ctx.Err())
	case err != nil:
		return nil, err
	}
	return k.store.Loader(k.rows, k.order, p.config.Epochs)
}

// write computes the missing values of all images, in the order of the store's rows.
func (k *features) write(ctx context.Context, t computing, ui runner.UI) error {
	begun, processor := result.Now(), machine.ProcessorTime()
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
	loader, err := data.NewLoader(k.items, k.images, k.options)
	if err != nil {
		return err
	}
	defer loader.Close()
	progress := report.NewProgress(ui.Err, ui.Quiet)
	defer progress.Break()
	done, seen := progress.Task("storing features", len(k.items)), 0
	for b, err := range loader.Epoch(ctx, 1) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		values, err := t.ComputeStored(b.Tensor(k.images.Size))
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
	k.record.FirstPassSeconds = result.Now().Sub(begun).Seconds()
	k.record.FirstPassProcessorSeconds = (machine.ProcessorTime() - processor).Seconds()
	return nil
}

// omitUnreadable treats images without values in the store as a loader treats unreadable images.
func (k *features) omitUnreadable() error {
	bad := map[int]bool{}
	for _, row := range k.store.Unreadable() {
		bad[row] = true
	}
	for i, row := range k.rows {
		if !bad[row] {
			continue
		}
		i %= len(k.listed) // of all views of an image
		path := k.listed[i].Path
		_, err := k.images.Load(path)
		switch {
		case err == nil:
			return &storeError{fmt.Errorf("%s says that %s can't be read, and it can (remove the cache with 'dtl-tf cache clear')", k.store.Folder(), path)}
		case !k.options.SkipBad:
			return err
		}
		k.source.Skip(i, err)
	}
	return nil
}
