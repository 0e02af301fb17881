package dtl

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dtl-tf/graph/backbone"
)

// The bottleneck of scripts/make_tuner_vectors.py. The tests of all rivals cover this method too.
func init() {
	rivals["adapter+"] = Options{"bottleneck": "5"}
	startsElsewhere["adapter+"] = true // W_up does not start at zero
}

// TestAdapterPlusCounts: 12 (2 * 768 r + r + 2 * 768). The paper prints 0.20 M for r = 8 and 0.07 M for r = 1, which fits with
// the classifiers of VTAB-1k's 19 tasks, of 940 classes in all.
func TestAdapterPlusCounts(t *testing.T) {
	arch := must(backbone.Parse("vit_b16"))(t)
	for r, want := range map[string]struct {
		count     int
		published float64
	}{"8": {165_984, 0.20}, "1": {36_876, 0.07}} {
		got := methodCount(t, arch, "adapter+", Options{"bottleneck": r})
		if got != want.count {
			t.Errorf("%d parameters at r = %s, want %d", got, r, want.count)
		}
		if with := got + 940*769/19; math.Abs(float64(with)/1e6-want.published) > 0.005 {
			t.Errorf("%d parameters at r = %s with classifiers, the paper prints %v M", with, r, want.published)
		}
	}
}

// TestAdapterPlusInitial: maps start within two deviations of 0.01, so that they have 0.88 of that deviation; the scales at 1.
func TestAdapterPlusInitial(t *testing.T) {
	m, _, start := setting{arch: must(backbone.Parse("vit_ti16"))(t), method: "adapter+"}.resolve(t)
	values := must(m.Initial(start.Weights, 1))(t)
	for _, name := range []string{"blocks.0.adapter.bottleneck.1.weight", "blocks.11.adapter.bottleneck.4.weight"} {
		sum, drawn := 0.0, floats(values[name])
		for _, v := range drawn {
			sum += v * v
		}
		if deviation := math.Sqrt(sum / float64(len(drawn))); math.Abs(deviation-0.0088) > 0.0003 || size(drawn) > 0.02 {
			t.Errorf("%s: deviation %.5f and largest value %.4f", name, deviation, size(drawn))
		}
	}
	for _, v := range floats(values["blocks.3.adapter.scaling"]) {
		if v != 1 {
			t.Fatalf("a scale starts at %v", v)
		}
	}
	for name, want := range map[string]bool{"bottleneck.1.weight": true, "bottleneck.1.bias": false, "bottleneck.4.bias": false, "scaling": false} {
		if got := m.decays("blocks.0.adapter." + name); got != want {
			t.Errorf("weight decay on %s is %t, want %t", name, got, want)
		}
	}
}

// TestAdapterPlusDropPath: stochastic depth drops the adapters at one rate in all blocks, besides the branches of the backbone, with
// masks of their own.
func TestAdapterPlusDropPath(t *testing.T) {
	const batch, rate = 512, 0.4
	s := setting{arch: two, method: "adapter+", batch: batch, dropPath: rate}.start(t)
	names, outputs := masks(s.Model)
	if len(names) != 2+len(s.Config.Arch.Blocks()) {
		t.Fatalf("masks %v, want two of block 1 and one of each adapter", names)
	}
	found := must(s.session.Run(seedFeed(s, 3, 0), outputs))(t)
	seen := map[string]string{}
	for i, mask := range found {
		dropped := 0.0
		for _, v := range mask.Float32() {
			if v == 0 {
				dropped++
			}
		}
		if off := math.Abs(dropped/batch - rate); off > 4*math.Sqrt(rate*(1-rate)/batch) {
			t.Errorf("%s drops %.2f of the samples, want %v", names[i], dropped/batch, rate)
		}
		if same := seen[fmt.Sprint(mask.Float32())]; same != "" {
			t.Errorf("%s is %s", names[i], same)
		}
		seen[fmt.Sprint(mask.Float32())] = names[i]
	}
	if !strings.Contains(names[0], "block_00/") {
		t.Errorf("the first mask is %s, want the adapter's of block 0", names[0])
	}
}
