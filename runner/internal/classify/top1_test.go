package classify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/runner/data"
	"dtl-tf/runner/internal/datatest"
)

// redness is a classifier that looks at the first pixel alone: red 0, 80 and 160 are the classes 0, 1 and 2. Logits
// of the last class are all equal, so that the first of them counts.
type redness struct{ batches []int }

func (r *redness) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	n, pixels := images.Shape[0], images.Data.([]uint8)
	r.batches = append(r.batches, n)
	out := tensor.Zeros(n, 3)
	for i := range n {
		if class := int(pixels[i*len(pixels)/n] / 80); class < 2 {
			out.Float32()[3*i+class] = 1
		}
	}
	return out, nil
}

func (r *redness) Close() error { return nil }

// colours loads the 12 images of datatest.Colours in batches of 5.
func colours(t *testing.T) ([]data.Item, *data.Loader) {
	t.Helper()
	folder := t.TempDir()
	datatest.Colours(t, folder)
	set, err := data.Open(folder)
	expect.NoError(t, err)
	items, err := set.Split(data.Test)
	expect.NoError(t, err)
	loader, closeLoader, err := Sequential(items, data.Images{Size: 8}, 1, Once(5, false, &data.Skips{}))
	expect.NoError(t, err)
	t.Cleanup(closeLoader)
	return items, loader
}

// TestMeasureTop1 counts a classifier whose answers are known: right for two classes of three.
func TestMeasureTop1(t *testing.T) {
	_, loader := colours(t)
	var done []int
	r := &redness{}
	score, err := Top1(context.Background(), r, loader, 8, func(n int) { done = append(done, n) })
	expect.NoError(t, err)
	if score.Images != 12 || math.Abs(score.Top1-100*8.0/12) > 1e-9 {
		t.Errorf("got %+v, want 8 of 12", score)
	}
	if len(r.batches) != 3 || r.batches[2] != 2 || done[2] != 12 {
		t.Errorf("batches of %v images, progress %v", r.batches, done)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = Top1(ctx, r, loader, 8, func(int) { cancel() })
	if expect.Error(t, err, "interrupted during the evaluation"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
}

// broken is redness with one logit that is no number: of the image with the given index, and the given class.
type broken struct {
	redness
	image, class int
	logit        float32
}

func (b *broken) Logits(images tensor.Tensor) (tensor.Tensor, error) {
	before := 0
	for _, n := range b.batches {
		before += n
	}
	out, err := b.redness.Logits(images)
	if i := b.image - before; i >= 0 && i < out.Shape[0] {
		out.Float32()[3*i+b.class] = b.logit
	}
	return out, err
}

// TestNonFinite: a logit that is NaN or infinite is no answer, and the error names its image.
func TestNonFinite(t *testing.T) {
	items, loader := colours(t)
	for i, logit := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		b := &broken{image: 5 * i, class: i, logit: logit}
		_, err := Top1(context.Background(), b, loader, 8, func(int) {})
		expect.Error(t, err, "image "+items[5*i].Path+" can't be classified", fmt.Sprintf("class %d is %v", i, logit))
	}
}
