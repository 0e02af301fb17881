package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dtl-tf/graph"
	"dtl-tf/graph/limit"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/graph/tensor"
)

// readClassifier reads what an exported model is, and refuses what ExportModel did not write.
func readClassifier(dir string) (classifierDescription, error) {
	var d classifierDescription
	fail := func(err error) (classifierDescription, error) { return d, fmt.Errorf("SavedModel %s: %w", dir, err) }
	if err := savedmodel.Check(os.DirFS(dir)); err != nil {
		return fail(err)
	}
	where := savedmodel.ExtraDir + "/" + classifierFile
	raw, err := limit.ReadFile(filepath.Join(dir, filepath.FromSlash(where)), limit.Text)
	if errors.Is(err, fs.ErrNotExist) {
		return fail(fmt.Errorf("%s is missing: it is no classifier that dtl-tf wrote (make one with: dtl-tf export)", where))
	}
	if err != nil {
		return fail(err)
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return fail(fmt.Errorf("%s: %w", where, err))
	}
	switch {
	case d.Format != classifierFormat:
		return fail(fmt.Errorf("%s: format is %q, wanted %q", where, d.Format, classifierFormat))
	case d.Version != classifierVersion:
		return fail(fmt.Errorf("%s: version %d, this dtl-tf reads version %d", where, d.Version, classifierVersion))
	case d.Image < 1 || d.Image > 1<<16:
		return fail(fmt.Errorf("%s: an image_size of %d is not possible", where, d.Image))
	case d.Classes < 1:
		return fail(fmt.Errorf("%s: %d classes are not possible", where, d.Classes))
	case d.ClassNames != nil && len(d.ClassNames) != d.Classes:
		return fail(fmt.Errorf("%s: class_names has %d names, the classifier has %d classes", where, len(d.ClassNames), d.Classes))
	}
	return d, nil
}

// servedModel is a classifier in a SavedModel.
type servedModel struct {
	model   *savedmodel.Loaded
	dir     string
	classes int
}

// loadServed opens an exported model.
func loadServed(dir string, threads int) (*loaded, error) {
	d, err := readClassifier(dir)
	if err != nil {
		return nil, err
	}
	model, err := savedmodel.Load(dir, graph.SessionOptions{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("SavedModel %s: %w", dir, err)
	}
	return &loaded{classifier: &servedModel{model, dir, d.Classes}, image: d.Image, classes: d.Classes, classNames: d.ClassNames}, nil
}

// Logits implements classifier.
func (s *servedModel) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	logits, err := s.model.Run(savedmodel.Signature, imagesInput, images, logitsOutput)
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
