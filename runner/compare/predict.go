package compare

import (
	"cmp"
	"fmt"
	"math"
	"runtime/debug"

	"dtl-tf/graph/backbone"
	"dtl-tf/runner/machine"
	"dtl-tf/runner/report"
)

// maxProbe is the most images of a step from which predict extrapolates.
const maxProbe = 8

// predict returns a Failure if a row would not fit into the free memory. If there is not clearly enough, it traces steps of one
// image, of two and so on up to maxProbe, as far as they fit, and extrapolates to the batch from the last two: with more images the
// peak may move to another place of the step, where it grows faster. The batch is never lowered.
func predict(r request, bb *backbone.Backbone) (*Failure, error) {
	free := cmp.Or(r.Available, machine.AvailableBytes())
	batch := r.Settings.Batch
	if free == 0 || upperBound(bb.Architecture, r.Settings.Classes, batch) <= float64(free) { // 0 is unknown
		return nil, nil
	}
	fixed, peak, err := r.probe(bb, 1)
	if err != nil {
		return nil, fmt.Errorf("a step of one image, to predict one of %d: %w", batch, err)
	}
	needed, about := fixed+peak, "about"
	switch {
	case needed > float64(free): // two images might exhaust the memory
		about = "at least"
	default:
		for n := 2; n <= min(batch, maxProbe); n *= 2 {
			_, next, err := r.probe(bb, n)
			if err != nil {
				return nil, fmt.Errorf("a step of %d images, to predict one of %d: %w", n, batch, err)
			}
			slope := math.Max(0, next-peak) / float64(n-n/2)
			peak = next
			needed = fixed + peak + slope*float64(batch-n)
			if fixed+peak+slope*float64(n) > float64(free) { // twice as many might exhaust the memory
				break
			}
		}
	}
	if needed <= float64(free) {
		return nil, nil
	}
	return &Failure{
		Error: fmt.Sprintf("does not fit into memory: a step of batch %d needs %s %s, %s are available; the batch is not lowered by itself, choose a smaller --batch",
			batch, about, report.GiB(int64(needed)), report.GiB(free)),
		Predicted: int64(needed), Available: free,
	}, nil
}

// probe returns the bytes of weights and optimizer state, and the peak of a step of a few images.
func (r request) probe(bb *backbone.Backbone, images int) (fixed, peak float64, err error) {
	t, err := r.newTrial(bb, images)
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		t.Close()
		debug.FreeOSMemory()
	}()
	if err := t.Train(); err != nil {
		return 0, 0, err
	}
	report, _, err := t.Memory()
	// The optimizer state exists twice at the start: in the session and as values to feed.
	weights, optimizer := t.FixedBytes()
	return float64(weights + 2*optimizer), float64(report.Peak), err
}

// upperBound returns more bytes than any method needs: weights, gradients and moments with a copy of each, and per image and
// block 40 activations of [T, d] and 6 of [heads, T, T]. Full fine-tuning needs less than half of that.
func upperBound(a backbone.Architecture, classes, batch int) float64 {
	image := 8 * float64(a.ImageSize()*a.ImageSize()*3)
	for _, block := range a.Blocks() {
		t, d := float64(block.Tokens()), float64(block.Width)
		image += 40*t*d + 6*float64(block.Heads)*t*t
	}
	return 4 * (8*float64(backbone.Parameters(a)+classes*backbone.Width(a)) + image*float64(batch))
}
