package dtl

import (
	"errors"
	"fmt"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// trains returns an error if the session's model has no training step.
func (s *Session) trains() error {
	if s.optimizer == nil {
		return errors.New("the model was built for predictions: Config.Batch is 0, so it has no training step")
	}
	return nil
}

// imageFeeds feeds images [B, S, S, 3] to a training step.
func (s *Session) imageFeeds(images tensor.Tensor) ([]graph.Feed, error) {
	if err := s.trains(); err != nil {
		return nil, err
	}
	if s.Config.Store != "" {
		return nil, fmt.Errorf("the model was built to train on stored values (Config.Store is %s), not on images", s.Config.Store)
	}
	return []graph.Feed{{Output: s.train.images.Output, Value: images}}, nil
}

// storedFeeds feeds stored values [B, Shape...], in the order of Stored, to a training step.
func (s *Session) storedFeeds(values []tensor.Tensor) ([]graph.Feed, error) {
	if err := s.trains(); err != nil {
		return nil, err
	}
	if s.Config.Store == "" {
		return nil, errors.New("the model was built to train on images (Config.Store is empty), not on stored values")
	}
	if len(values) != len(s.train.stored) {
		return nil, fmt.Errorf("%d stored values were given, a training step takes %d (see Stored)", len(values), len(s.train.stored))
	}
	feeds := make([]graph.Feed, len(values))
	for i, v := range values {
		feeds[i] = graph.Feed{Output: s.train.stored[i].Output, Value: v}
	}
	return feeds, nil
}
