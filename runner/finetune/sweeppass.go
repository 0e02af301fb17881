package finetune

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"dtl-tf/dtl"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/classify"
)

// seen is a batch of images with what the settings read of them, valid until the next one.
type seen struct {
	items  []data.Item
	values dtl.PrefixValues
}

// watched is the validation images, from their stored values if there are some.
func (s *sweep) watched(ctx context.Context) iter.Seq2[seen, error] {
	stored := s.settings[0].valued
	if stored == nil {
		return s.through(ctx, s.base.data.val)
	}
	return func(yield func(seen, error) bool) {
		for b, err := range stored.Epoch(ctx, 1, 0) {
			var one seen
			if err == nil {
				one.items = s.base.data.val.Items(b.Indices)
				one.values, err = s.joint.Given(b.Values)
			}
			if !yield(one, err) || err != nil {
				return
			}
		}
	}
}

// through runs the images of a loader through what the settings share, at most the images of a training step at a time, whose values fit into
// the memory that training takes anyway.
func (s *sweep) through(ctx context.Context, loader *data.Loader) iter.Seq2[seen, error] {
	return func(yield func(seen, error) bool) {
		for b, err := range loader.Epoch(ctx, 1) {
			if err != nil {
				yield(seen{}, err)
				return
			}
			images, items := b.Tensor(s.base.backbone.ImageSize()), loader.Items(b.Indices)
			for from := 0; from < len(items); from += s.base.config.Batch {
				to := min(from+s.base.config.Batch, len(items))
				part, err := tensor.Part(images, from, to)
				var values dtl.PrefixValues
				if err == nil {
					values, err = s.joint.Prefix(part)
				}
				more := yield(seen{items[from:to], values}, err)
				values.Free()
				if !more || err != nil {
					return
				}
			}
		}
	}
}

// pass classifies images with several settings: consume takes them from member.given, for each setting at the same time. An error of consume
// that is the setting's own fails the setting; the error of pass is that of the images or of an interruption.
func (s *sweep) pass(ctx context.Context, members []*member, images iter.Seq2[seen, error], consume func(m *member) error) error {
	type answered struct {
		classify.Answered
		err error
	}
	var consumers sync.WaitGroup
	channels, errs := make([]chan answered, len(members)), make([]error, len(members))
	for i, m := range members {
		channel := make(chan answered)
		channels[i] = channel
		m.given = func(yield func(classify.Answered, error) bool) {
			for a := range channel {
				if !yield(a.Answered, a.err) {
					return
				}
			}
		}
		consumers.Add(1)
		go func() {
			defer consumers.Done()
			errs[i] = consume(m)
			for range channel { // after an error
			}
		}()
	}
	var failed error
	for batch, err := range images {
		if failed = err; err != nil {
			break
		}
		for i, m := range members {
			logits, err := s.joint.Logits(m.index, batch.values)
			if err == nil {
				err = classify.Finite(logits, "", func(at int) string { return batch.items[at].Path })
			}
			channels[i] <- answered{classify.Answered{Items: batch.items, Logits: logits}, err}
		}
	}
	for _, channel := range channels {
		if failed != nil {
			channel <- answered{err: failed}
		}
		close(channel)
	}
	consumers.Wait()
	for i, m := range members {
		m.given = nil
		switch {
		case errs[i] == nil:
		case ctx.Err() != nil:
			failed = errs[i]
		case failed == nil:
			s.fail(m, errs[i])
		}
	}
	if failed != nil {
		return fmt.Errorf("classifying with the settings: %w", failed)
	}
	return nil
}
