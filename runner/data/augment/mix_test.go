package augment

import (
	"math"
	"testing"
)

// TestMixing wants the bytes of timm's FastCollateMixup for its boxes and shares, and the targets of its mixup_target.
func TestMixing(t *testing.T) {
	var head struct {
		Cases []struct {
			Size, Batch int
			Box         [4]int // top, bottom, left, right
			Mix         float64
			Labels      []int32
			Targets     []float64
		}
	}
	take := readVectors(t, "mixing.gz", &head)
	for k, c := range head.Cases {
		n := c.Size * c.Size * 3
		var images []uint8
		for i := range c.Batch {
			images = append(images, drawn(c.Size+i, c.Size, "noise").Pix[i*c.Size*3:]...)
		}
		m := Mixing{Lambda: c.Mix, Box: Box{c.Box[0], c.Box[2], c.Box[1] - c.Box[0], c.Box[3] - c.Box[2]}}
		m.apply(images, c.Size)
		if at := firstDifference(images, take(c.Batch*n)); at >= 0 {
			t.Errorf("case %d: value %d of the images differs", k, at)
		}
		p := Policy{LabelSmoothing: 0.1}
		targets := p.Targets(nil, c.Labels, c.Mix, 5)
		for i, want := range c.Targets {
			if math.Abs(float64(targets[i])-want) > 1e-7 {
				t.Errorf("case %d: target %d is %v, want %v", k, i, targets[i], want)
			}
		}
	}
}

// TestBeta compares with the moments of Beta(a, a): the variance is 1/(4(2a+1)), and the fourth central moment that times 3/(4(2a+3)).
func TestBeta(t *testing.T) {
	const n = 100_000
	for _, a := range []float64{0.01, 0.2, 0.8, 1, 5} {
		r := generator(3)
		var sum, square, fourth float64
		for range n {
			v := beta(a, r)
			if !(v >= 0 && v <= 1) {
				t.Fatalf("Beta(%v): %v", a, v)
			}
			d := v - 0.5
			sum, square, fourth = sum+d, square+d*d, fourth+d*d*d*d
		}
		variance := 1 / (4 * (2*a + 1))
		kurtosis := variance * 3 / (4 * (2*a + 3))
		if got, limit := sum/n, 5*math.Sqrt(variance/n); math.Abs(got) > limit {
			t.Errorf("Beta(%v): the mean is off by %v, more than %v", a, got, limit)
		}
		if got, limit := square/n-variance, 5*math.Sqrt((kurtosis-variance*variance)/n); math.Abs(got) > limit {
			t.Errorf("Beta(%v): the variance is off by %v, more than %v", a, got, limit)
		}
		if got := fourth / n / kurtosis; math.Abs(got-1) > 0.02 {
			t.Errorf("Beta(%v): the fourth moment is %v of the right one", a, got)
		}
	}
}

// TestDrawMixing: with both, each takes half of the batches; with one or none, that alone.
func TestDrawMixing(t *testing.T) {
	r := generator(5)
	cut := 0
	for range 2000 {
		if (Policy{Mixup: 0.8, CutMix: 1}).drawMixing(32, r).Box != (Box{}) {
			cut++
		}
		if m := (Policy{Mixup: 0.8}).drawMixing(32, r); m.Box != (Box{}) || m.Lambda == 1 {
			t.Fatalf("mixup alone: %+v", m)
		}
		m := (Policy{CutMix: 1}).drawMixing(32, r)
		if share := float64(m.Box.Height*m.Box.Width) / (32 * 32); m.Lambda != 1-share {
			t.Fatalf("cutmix alone: %+v", m)
		}
		if m := (Policy{Flip: 1}).drawMixing(32, r); m != (Mixing{Lambda: 1}) {
			t.Fatalf("neither: %+v", m)
		}
	}
	// Of CutMix some boxes are empty: a side below a pixel.
	if cut < 850 || cut > 1100 {
		t.Errorf("%d of 2,000 batches were cut", cut)
	}
}
