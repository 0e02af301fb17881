package dtl

import (
	"math"
	"testing"

	"dtl-tf/graph/backbone"
)

// The bottleneck of scripts/make_tuner_vectors.py. The tests of all rivals cover this method too.
func init() {
	rivals["res-tuning-bypass"] = Options{"bottleneck": "5"}
	startsElsewhere["res-tuning-bypass"] = true
}

// TestBypassCounts: 24 adapters of 2 * 768 r + r + 768.
func TestBypassCounts(t *testing.T) {
	arch := must(backbone.Parse("vit_b16"))(t)
	for r, want := range map[string]int{"32": 1_198_848, "8": 313_536, "4": 165_984} {
		if got := methodCount(t, arch, "res-tuning-bypass", Options{"bottleneck": r}); got != want {
			t.Errorf("%d parameters at r = %s, want %d", got, r, want)
		}
	}
	if got := methodCount(t, arch, "res-tuning-bypass", nil); got != 1_198_848 {
		t.Errorf("%d parameters by default, want those of r = 32", got)
	}
}

// TestBypassLeavesBackboneAlone: no value of the backbone is on the tape.
func TestBypassLeavesBackboneAlone(t *testing.T) { checkLeavesBackboneAlone(t, "res-tuning-bypass") }

// TestBypassInitial: weights are Xavier-uniform, biases nearly zero; with zero-last the last pair adds nothing.
func TestBypassInitial(t *testing.T) {
	for _, zero := range []string{"0", "1"} {
		m, _, start := setting{arch: must(backbone.Parse("vit_ti16"))(t), method: "res-tuning-bypass", options: Options{"zero-last": zero}}.resolve(t)
		values := must(m.Initial(start.Weights, 1))(t)
		for _, tuner := range []string{"bypass_blocks.3.lateral_tuner.tuner.", "bypass_blocks.11.vertical_tuner.tuner."} {
			bound, last := math.Sqrt(6.0/(192+32)), tuner[14] == '1'
			for _, name := range []string{"ln1.weight", "ln2.weight"} {
				largest := size(floats(values[tuner+name]))
				if last && zero == "1" && name == "ln2.weight" {
					if largest != 0 {
						t.Errorf("%s%s starts with %v, want 0", tuner, name, largest)
					}
				} else if largest > bound*(1+1e-6) || largest < 0.98*bound {
					t.Errorf("%s%s has the largest value %v, want nearly %v", tuner, name, largest, bound)
				}
			}
			if b := size(floats(values[tuner+"ln1.bias"])); b == 0 || b > 1e-5 {
				t.Errorf("%sln1.bias has the largest value %v, want some millionths", tuner, b)
			}
			if b := size(floats(values[tuner+"ln2.bias"])); (b == 0) != (last && zero == "1") {
				t.Errorf("%sln2.bias has the largest value %v", tuner, b)
			}
		}
	}
}
