package serve

import (
	"context"

	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
)

// Engine computes the logits of adapters of one backbone. It is safe for concurrent use.
type Engine interface {
	// ImageSize is the height and width of the images in pixels.
	ImageSize() int
	// Images says how images are made of files.
	Images() data.Images
	// Open reads an adapter file beside those that are open. The error says why it does not fit.
	Open(ctx context.Context, file string) (Model, error)
	// Logits classifies images [B, S, S, 3] (bytes). Part p gives logits [len(Rows), classes].
	Logits(images tensor.Tensor, parts []Part) (Result, error)
	// Close frees everything. All models must be closed before.
	Close() error
}

// Model is an open adapter.
type Model interface {
	Classes() int
	ClassNames() []string // nil if unknown
	Several() bool        // an image has any number of classes: probabilities are sigmoids of the logits
	Close() error
}

// Part is the rows of a batch of images that one adapter classifies, in ascending order.
type Part struct {
	Model Model
	Rows  []int
}

// Result is the logits of each part, and the work: the number of blocks that an image ran through, summed over the images, and
// how many they would have been if every adapter had run alone.
type Result struct {
	Logits     []tensor.Tensor
	Run, Alone int
}
