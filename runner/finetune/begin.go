package finetune

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"

	"dtl-tf/dtl"
	"dtl-tf/runner"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/result"
	"dtl-tf/runner/tensorboard"
)

// begin builds the model and restores what an earlier process has done of the run. If nothing is left to do, it returns the
// finished run instead. Until begin succeeds, nothing that existed before has changed on the disk.
func (p *plan) begin(ctx context.Context, folder *result.Folder, ui runner.UI) (r *run, finished *result.Run, err error) {
	r = &run{plan: p, ui: ui, folder: folder, checkpoints: checkpoint.NewStore(folder.Path(""))}
	defer func() {
		if err != nil || finished != nil {
			r.close()
		}
	}()
	if finished, err = r.build(ctx); err != nil || finished != nil {
		return r, finished, err
	}
	if err := folder.Clear(p.config.files()...); err != nil {
		return r, nil, err
	}
	if p.config.TensorBoard {
		r.board = tensorboard.New(folder.Path(""))
	}
	return r, nil, r.checkpoints.Tidy()
}

// build opens the trainer, on stored values if there is a feature cache, and restores its state.
func (r *run) build(ctx context.Context) (finished *result.Run, err error) {
	m, err := r.newModel()
	if err != nil {
		return nil, err
	}
	runtime.GC()         // pools of memory survive one collection
	debug.FreeOSMemory() // what reading the inputs left, before the weights take their place
	before := ""
	if r.config.Resume {
		before = cacheBefore(r.folder)
	}
	k, cache, err := r.openFeatures(ctx, m, before, r.ui)
	if err != nil {
		return nil, err
	}
	if k == nil {
		if err := r.onImages(m); err != nil {
			return nil, err
		}
		return r.restore(ctx, cache)
	}
	r.closers = append(r.closers, func() { _ = k.store.Close() }) // nothing is written any more
	v, err := r.openValidation(ctx, k, m)
	if err != nil {
		return nil, err
	}
	if v != nil {
		r.closers = append(r.closers, func() { _ = v.store.Close() })
	}
	trainer, err := r.onStored(m)
	if err != nil {
		return nil, err
	}
	if finished, err := r.restore(ctx, cache); err != nil || finished != nil {
		return finished, err
	}
	loader, err := k.fill(ctx, r.plan, trainer, r.ui)
	var failed *storeError
	if errors.As(err, &failed) {
		return nil, r.withoutStore(k, failed.error)
	}
	if err != nil {
		return nil, err
	}
	r.batches = storedBatches(trainer, loader, r.data.items, r.targeter())
	r.closers = append(r.closers, loader.Close)
	if v != nil {
		return nil, r.fillValidation(ctx, v, trainer)
	}
	return nil, nil
}

func (r *run) targeter() *targeter {
	return &targeter{policy: r.config.augmentation(), classes: r.data.classes, weights: r.weights, sets: r.data.set.LabelSets}
}

// onImages opens a trainer on images.
func (r *run) onImages(m *dtl.Model) error {
	values, err := r.values(m)
	if err != nil {
		return err
	}
	t, err := dtl.NewImageTrainer(m, r.config.training(), values)
	if err != nil {
		return err
	}
	r.batches = imageBatches(t, r.data.train, r.backbone.ImageSize(), r.targeter())
	return r.adopt(t.Trainer)
}

// onStored opens a trainer on stored values.
func (r *run) onStored(m *dtl.Model) (*dtl.StoredTrainer, error) {
	values, err := r.values(m)
	if err != nil {
		return nil, err
	}
	t, err := dtl.NewStoredTrainer(m, r.config.training(), r.config.CachePrecision, values)
	if err != nil {
		return nil, err
	}
	r.stored = t
	return t, r.adopt(t.Trainer)
}

// adopt makes t the trainer of the run.
func (r *run) adopt(t *dtl.Trainer) (err error) {
	r.trainer = t
	r.frozen, err = frozenSHA256(t)
	return err
}

// withoutStore replaces the trainer by one on images after a failure of the store. A run that has trained on stored values
// can't continue on images, because they differ in rounding.
func (r *run) withoutStore(k *features, failure error) error {
	want := k.demand
	if r.from.Steps > 0 {
		want = required
	}
	cache, err := decline(want, failure, r.ui.Note)
	if err != nil {
		return err
	}
	if err := errors.Join(k.store.Close(), r.trainer.Close()); err != nil {
		return err
	}
	m, err := r.newModel()
	if err != nil {
		return err
	}
	if err := r.onImages(m); err != nil {
		return err
	}
	r.record.FeatureCache, r.stored = cache, nil
	return r.record.SetConfig(r.settings())
}
