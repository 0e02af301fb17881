package infer

import (
	"fmt"
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/export"
)

// servedModel is a classifier in a SavedModel.
type servedModel struct {
	model   *savedmodel.Loaded
	dir     string
	classes int
}

// loadServed opens an exported model.
func loadServed(dir string, threads int) (*loaded, error) {
	d, err := export.Read(dir)
	if err != nil {
		return nil, err
	}
	model, err := savedmodel.Load(dir, graph.SessionOptions{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	return &loaded{Classifier: &servedModel{model, dir, d.Classes}, image: d.Image, classes: d.Classes, classNames: d.ClassNames}, nil
}

// Logits implements classifier.
func (s *servedModel) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	logits, err := s.model.Run(savedmodel.Signature, export.ImagesInput, images, export.LogitsOutput)
	if err != nil {
		return logits, fmt.Errorf("SavedModel %s: %w", s.dir, err)
	}
	if want := []int{images.Shape[0], s.classes}; !slices.Equal(logits.Shape, want) || logits.Float32() == nil {
		return logits, fmt.Errorf("SavedModel %s gives logits %v, wanted are float32 %v", s.dir, logits.Shape, want)
	}
	return logits, nil
}

// Close implements classifier.
func (s *servedModel) Close() error { return s.model.Close() }
