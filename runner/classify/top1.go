// Package classify classifies the images of a data set, each once and in order, and counts the right answers.
package classify

import (
	"context"
	"fmt"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner"
	"dtl-tf/runner/data"
)

// Classifier turns images [B, S, S, 3] (bytes) into logits [B, classes].
type Classifier interface {
	Logits(images tensor.Tensor) (tensor.Tensor, error)
	Close() error
}

// Score is the outcome of an evaluation.
type Score struct {
	Top1   float64 `json:"top1"` // percent
	Images int     `json:"images"`
}

// Top1 classifies every image of a loader once and counts the right answers; done hears how many images it has seen.
func Top1(ctx context.Context, c Classifier, loader *data.Loader, size int, done func(images int)) (Score, error) {
	right, seen := 0, 0
	for b, err := range loader.Epoch(ctx, 1) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return Score{}, err
		}
		logits, err := Logits(c, loader, b, size)
		if err != nil {
			return Score{}, err
		}
		classes := logits.Shape[1]
		for i, label := range b.Labels {
			if Argmax(logits.Float32()[i*classes:(i+1)*classes]) == int(label) {
				right++
			}
		}
		seen += len(b.Labels)
		done(seen)
	}
	if err := ctx.Err(); err != nil {
		return Score{}, fmt.Errorf("interrupted during the evaluation: %w", err)
	}
	if seen == 0 {
		return Score{}, runner.Usagef("no image could be evaluated")
	}
	return Score{Top1: 100 * float64(right) / float64(seen), Images: seen}, nil
}

// Argmax is the index of the largest value, the first of equal ones.
func Argmax(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
