package finetune

import (
	"context"
	"errors"

	"dtl-tf/dtl"
	"dtl-tf/graph"
	"dtl-tf/runner/result"
)

// jointStored is what the settings store.
type jointStored struct{ *dtl.Joint }

// Stored implements storing. NewJoint has checked that stochastic depth leaves the values alone.
func (j jointStored) Stored(dtl.Training) []dtl.Stored { return j.Joint.Stored() }

// openInput opens the feature cache, or reads images.
func (s *sweep) openInput(ctx context.Context, settings []dtl.Setting) error {
	first := s.settings[0].run
	quiet := first.ui
	first.ui = s.ui // notes on the cache
	defer func() { first.ui = quiet }()
	before := ""
	if first.config.Resume {
		before = cacheBefore(first.folder)
	}
	k, cache, err := s.base.openFeatures(ctx, jointStored{s.joint}, before, s.ui)
	if err != nil {
		return err
	}
	target := first.targeter()
	images := func(cache *result.FeatureCache) error {
		s.batches = s.imageBatches(target)
		return s.describe(cache)
	}
	if k == nil {
		return images(cache)
	}
	s.closers = append(s.closers, func() { _ = k.store.Close() })
	v, err := first.openValidation(ctx, k, jointStored{s.joint})
	if err != nil {
		return err
	}
	if v != nil {
		s.closers = append(s.closers, func() { _ = v.store.Close() })
	}
	if s.config.CachePrecision != graph.FP32 {
		if err := s.build(settings, s.config.CachePrecision); err != nil {
			return err
		}
	}
	first.record.FeatureCache = k.record
	loader, err := k.fill(ctx, s.base, s.joint, s.ui)
	var failed *storeError
	if errors.As(err, &failed) {
		if cache, err = decline(k.demand, failed.error, s.ui.Note); err != nil {
			return err
		}
		if err := s.build(settings, graph.FP32); err != nil {
			return err
		}
		return images(cache)
	}
	if err != nil {
		return err
	}
	s.closers = append(s.closers, loader.Close)
	s.batches = s.storedBatches(loader, target)
	if v != nil {
		if err := first.fillValidation(ctx, v, s.joint); err != nil {
			return err
		}
		s.closers = append(s.closers, first.closers...)
		first.closers = nil
	}
	return s.describe(k.record)
}

// describe starts the records of all settings.
func (s *sweep) describe(cache *result.FeatureCache) error {
	for _, m := range s.settings {
		if err := m.run.describe(cache); err != nil {
			return err
		}
	}
	return nil
}
