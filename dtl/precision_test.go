package dtl

import (
	"testing"

	"dtl-tf/graph"
)

// TestLossScale: gradients in float16, divided by the loss scale, match those in float32 to a few thousandths, small ones
// included. Without the scale, gradients of a batch of 64 would fall below float16's smallest normal number, 6e-5.
func TestLossScale(t *testing.T) {
	c := setting{arch: two, method: "dtl+", batch: 64, adapter: randomRival}
	s := c.start(t)
	images, labels := someBatch(s.Trainer, 4)
	_, loss, want, err := gradientsOf(s, images, labels)
	if err != nil {
		t.Fatal(err)
	}
	c.precision = graph.FP16
	_, halfLoss, got, err := gradientsOf(c.start(t), images, labels)
	if err != nil {
		t.Fatal(err)
	}
	if off := relative([]float64{halfLoss}, []float64{loss}); off > 2e-3 || off == 0 {
		t.Errorf("loss is off by %.2g", off)
	}
	for name := range want {
		if off := relative(floats(got[name]), floats(want[name])); off > 0.02 {
			t.Errorf("gradient of %s is off by %.2g", name, off)
		}
	}
}
