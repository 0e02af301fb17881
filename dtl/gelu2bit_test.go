package dtl

import (
	"math"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// TestGELU2Bit: the step's logits and loss are exact, its gradients approximate, in the direction of the exact ones.
func TestGELU2Bit(t *testing.T) {
	for _, method := range []string{"lora", "dtl"} {
		c := setting{method: method, batch: 16, adapter: randomRival}
		exact := c.start(t)
		images, labels := someBatch(exact.Trainer, 4)
		_, loss, want, err := gradientsOf(exact, images, labels)
		expect.NoError(t, err)
		c.mode = graph.RecomputeGELU2Bit
		_, same, got, err := gradientsOf(c.start(t), images, labels)
		expect.NoError(t, err)
		if math.Abs(same-loss) > 1e-5*loss {
			t.Errorf("%s: loss %v, want %v", method, same, loss)
		}
		dot, lengths, apart := 0.0, [2]float64{}, 0.0
		for name := range want {
			a, b := floats(want[name]), floats(got[name])
			for i := range a {
				dot, lengths[0], lengths[1] = dot+a[i]*b[i], lengths[0]+a[i]*a[i], lengths[1]+b[i]*b[i]
			}
			apart = max(apart, relative(b, a))
		}
		if cosine := dot / math.Sqrt(lengths[0]*lengths[1]); cosine < 0.9 || apart < 1e-3 {
			t.Errorf("%s: gradients at a cosine of %.3f to the exact ones and up to %.2g apart", method, cosine, apart)
		}
	}
}

// TestGELU2BitMemory: the peak shrinks by most of the 4 bytes that LoRA saves for each value of a GELU.
func TestGELU2BitMemory(t *testing.T) {
	deep := micro
	deep.Depth = 12
	c := setting{arch: deep, method: "lora", batch: 16}
	exact := stepPeak(t, c)
	c.mode = graph.RecomputeGELU2Bit
	approximate := stepPeak(t, c)
	saved := int64(deep.Depth * 16 * 17 * micro.MLP * 4)
	if got := int64(exact) - int64(approximate); got < saved/2 || got > saved {
		t.Errorf("the peak is %d bytes below %d, want most of %d", got, exact, saved)
	}
}

// TestGELU2BitRefused: where it has no use, the error says why.
func TestGELU2BitRefused(t *testing.T) {
	build := func(method string, arch backbone.Architecture) error {
		m, _, err := newMethod(method, nil, arch)
		expect.NoError(t, err)
		_, err = New(Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: m, Pool: backbone.DefaultPool(arch, m.Pool()), Classes: 2, Recompute: graph.RecomputeGELU2Bit})
		return err
	}
	for _, method := range []string{"linear", "lst", "res-tuning-bypass", "vqt", "lra"} {
		expect.Error(t, build(method, micro), "recompute gelu2bit", "method "+method, "no gradient enters the backbone's blocks")
	}
	expect.Error(t, build("lora", must(backbone.Parse("vit:"+viTs["clip"]))(t)), "recompute gelu2bit", "another activation than GELU")
}
