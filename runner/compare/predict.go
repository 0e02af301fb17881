package compare

import (
	"fmt"
	"math"
	"runtime/debug"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/memory"
	"dtl-tf/runner/machine"
)

// predict says whether a row has a place in memory. Where there is clearly enough, that is a formula;
// else it traces steps of one and of two images, which is what the step's peak grows by from image to image.
// The batch is never lowered: what does not fit is a row that says so.
func predict(r request, bb *backbone.Backbone) (*Failure, error) {
	free := r.Available
	if free == 0 {
		free = machine.AvailableBytes()
	}
	if free == 0 {
		return nil, nil // this system does not tell
	}
	batch := r.Settings.Batch
	if roomy(bb.Architecture, r.Settings.Classes, batch) <= float64(free) {
		return nil, nil
	}
	fixed, one, err := r.probe(bb, 1)
	if err != nil {
		return nil, fmt.Errorf("a step of one image, to predict one of %d: %w", batch, err)
	}
	needed, about := fixed+one, "about"
	switch {
	case needed > float64(free): // two images could be more than the system stands
		about = "at least"
	case batch > 1:
		_, two, err := r.probe(bb, 2)
		if err != nil {
			return nil, fmt.Errorf("a step of two images, to predict one of %d: %w", batch, err)
		}
		needed += math.Max(0, two-one) * float64(batch-1)
	}
	if needed <= float64(free) {
		return nil, nil
	}
	return &Failure{
		Error: fmt.Sprintf("does not fit into memory: a step of batch %d needs %s %s, %s are available; the batch is not lowered by itself, choose a smaller --batch",
			batch, about, gibibytes(int64(needed)), gibibytes(free)),
		Predicted: int64(needed), Available: free,
	}, nil
}

// probe is the bytes of weights and optimizer, and the peak of a step of a few images.
func (r request) probe(bb *backbone.Backbone, images int) (fixed, peak float64, err error) {
	t, err := newTrial(r, bb, images)
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		t.session.Close()
		debug.FreeOSMemory()
	}()
	if err := t.step(); err != nil {
		return 0, 0, err
	}
	metadata, err := t.session.Trace(t.images, t.labels, rate, t.steps)
	if err != nil {
		return 0, 0, err
	}
	report, err := memory.Replay(metadata, nil)
	if err != nil {
		return 0, 0, err
	}
	// What the optimizer keeps exists twice at the start: in the session and on its way there.
	weights, optimizer := t.session.FixedBytes()
	return float64(weights + 2*optimizer), float64(report.Peak), nil
}

// roomy is more bytes than any method needs: weights, gradients and moments with a copy of each, and for every block
// 40 activations of [T, d] and 6 of [heads, T, T] an image. Full fine-tuning keeps less than half of that.
func roomy(a backbone.Architecture, classes, batch int) float64 {
	image := 8 * float64(a.ImageSize()*a.ImageSize()*3)
	for _, block := range a.Blocks() {
		t, d := float64(block.Tokens()), float64(block.Width)
		image += 40*t*d + 6*float64(block.Heads)*t*t
	}
	return 4 * (8*float64(backbone.Parameters(a)+classes*backbone.Width(a)) + image*float64(batch))
}

func gibibytes(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
