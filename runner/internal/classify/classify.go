// Package classify classifies the images of a data set, each once and in order, and counts the correct answers.
package classify

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"dtl-tf/graph/jpeg"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// Classifier turns images [B, S, S, 3] (bytes) into logits [B, classes].
type Classifier interface {
	Logits(images tensor.Tensor) (tensor.Tensor, error)
	Close() error
}

// Score is the result of an evaluation.
type Score struct {
	Top1   float64 `json:"top1"` // percent
	Images int     `json:"images"`
	Doubt  Doubt   `json:"-"`
}

// Once returns options for a loader that reads every image once, in order.
func Once(batch int, skipBad bool, s *data.Skips) data.LoaderOptions {
	return data.LoaderOptions{Batch: batch, CacheBytes: -1, SkipBad: skipBad, OnBad: s.Add}
}

// Sequential returns a loader that reads every item once, in order, as images and the options of [Once] say, and a function that closes it and
// the decoder, which it opens.
func Sequential(items []data.Item, images data.Images, threads int, once data.LoaderOptions) (*data.Loader, func(), error) {
	decoder, err := jpeg.NewDecoder(threads)
	if err != nil {
		return nil, nil, err
	}
	images.Decoder = decoder
	loader, err := data.NewLoader(items, images, once)
	if err != nil {
		decoder.Close()
		return nil, nil, err
	}
	return loader, func() { loader.Close(); decoder.Close() }, nil
}

// Survey surveys images, which are used as images says, and notes what users should know about them.
func Survey(ctx context.Context, items []data.Item, images data.Images, note func(string, ...any)) (data.Survey, error) {
	s, err := data.Look(ctx, items, images)
	if err != nil {
		return s, fmt.Errorf("interrupted: %w", err)
	}
	runner.NoteAll(s.Notes(), note)
	return s, nil
}

// Logits classifies a batch of a loader: logits [B, classes]. NaN or infinity is an error that names the image.
func Logits(c Classifier, loader *data.Loader, b *data.Batch, size int) (tensor.Tensor, error) {
	logits, err := c.Logits(b.Tensor(size))
	if err != nil {
		return logits, err
	}
	return logits, Finite(logits, "", func(i int) string { return loader.Item(b.Indices[i]).Path })
}

// NotFiniteError says that a logit is NaN or infinite.
type NotFiniteError struct {
	Task, Image string // Task is "" if there is one
	Class       int
	Logit       float32
}

// Error implements error.
func (e *NotFiniteError) Error() string {
	task := ""
	if e.Task != "" {
		task = "task " + e.Task + ": "
	}
	return fmt.Sprintf("%simage %s can't be classified: its logit of class %d is %v; backbone or adapter are damaged, or their values overflow in this precision",
		task, e.Image, e.Class, e.Logit)
}

// Finite returns a *NotFiniteError for a logit [B, classes] that is NaN or infinite. It names the image, by its index in the batch, and the
// task unless that is "".
func Finite(logits tensor.Tensor, task string, image func(i int) string) error {
	at := logits.FirstNonFinite()
	if at < 0 {
		return nil
	}
	classes := logits.Shape[1]
	return &NotFiniteError{Task: task, Image: image(at / classes), Class: at % classes, Logit: logits.Float32()[at]}
}

// Top1 classifies every image of a loader once and counts the correct answers. It passes the number of images so far to done.
func Top1(ctx context.Context, c Classifier, loader *data.Loader, size int, done func(images int)) (Score, error) {
	t := NewTally()
	_, err := each(ctx, Images(ctx, c, loader, size), done, func(item data.Item, logits []float32) { t.Add(item.Label, Argmax(logits)) })
	if err != nil {
		return Score{}, err
	}
	return t.Score(), nil
}

// Answered is a batch of classified images.
type Answered struct {
	Items  []data.Item
	Logits tensor.Tensor // [B, classes]
}

// Images classifies every image of a loader once, in order.
func Images(ctx context.Context, c Classifier, loader *data.Loader, size int) iter.Seq2[Answered, error] {
	return func(yield func(Answered, error) bool) {
		for b, err := range loader.Epoch(ctx, 1) {
			if err != nil {
				yield(Answered{}, err)
				return
			}
			logits, err := Logits(c, loader, b, size)
			if !yield(Answered{loader.Items(b.Indices), logits}, err) {
				return
			}
		}
	}
}

// each passes every classified image with its logits [classes], which are valid during the call, to visit, in order. It returns the
// number of images.
func each(ctx context.Context, images iter.Seq2[Answered, error], done func(images int), visit func(item data.Item, logits []float32)) (seen int, err error) {
	for a, err := range images {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return 0, err
		}
		classes := a.Logits.Shape[1]
		for i, item := range a.Items {
			visit(item, a.Logits.Float32()[i*classes:(i+1)*classes])
		}
		seen += len(a.Items)
		done(seen)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("interrupted during the evaluation: %w", err)
	}
	if seen == 0 {
		return 0, runner.Usagef("no image could be evaluated")
	}
	return seen, nil
}

// Argmax is the index of the largest value, or the first of several.
func Argmax(values []float32) int { return slices.Index(values, slices.Max(values)) }
