package dtl

import (
	"math"
	"slices"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// The number of queries of scripts/make_tuner_vectors.py. The tests of all rivals cover this method too.
func init() {
	rivals["vqt"] = Options{"queries": "2"}
	startsElsewhere["vqt"] = true
}

// TestVQTCounts: 9,216 k parameters, and a classifier of the class token and the 12 k queries.
func TestVQTCounts(t *testing.T) {
	arch := must(backbone.Parse("vit_b16"))(t)
	for k, want := range map[string]Counts{
		"1": {Method: 9_216, Classifier: 10*13*768 + 10, Frozen: 85_798_656},
		"5": {Method: 46_080, Classifier: 10*61*768 + 10, Frozen: 85_798_656},
	} {
		method, _, err := newMethod("vqt", Options{"queries": k}, arch)
		expect.NoError(t, err)
		m := must(New(Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 10}))(t)
		if got := m.Counts(); got != want {
			t.Errorf("k = %s: %+v, want %+v", k, got, want)
		}
	}
	_, _, err := newMethod("vqt", Options{"queries": "197"}, arch)
	expect.Error(t, err, "queries 197", "1 to 196")
}

// TestVQTLeavesTokensAlone: no value of the plain backbone is on the tape.
func TestVQTLeavesTokensAlone(t *testing.T) {
	for name, pool := range map[string]backbone.Pool{"class": backbone.PoolClass, "mean": backbone.PoolMean} {
		method, _, err := newMethod("vqt", nil, micro)
		expect.NoError(t, err)
		seen := 0
		m := must(New(Config{Arch: micro, Std: [3]float64{1, 1, 1}, Method: plainBackbone{method, t, &seen}, Pool: pool, Classes: 3}))(t)
		openTrainer(t, m, Training{Batch: 2}, must(randomWeights(micro))(t), 0, nil)
		if want := 2 * (4 + 15*micro.Depth); seen != want {
			t.Errorf("%s: %d taps, want %d in two forward passes", name, seen, want)
		}
	}
}

// TestVQTInitial: queries start uniform within +-sqrt(6 / (3 patch^2 + d)).
func TestVQTInitial(t *testing.T) {
	m, _, start := setting{arch: must(backbone.Parse("vit_ti16"))(t), method: "vqt", options: Options{"queries": "9"}}.resolve(t)
	drawn := floats(must(m.Initial(start.Weights, 1))(t)["query_prompt_embeddings.7"])
	bound := math.Sqrt(6.0 / (3*16*16 + 192))
	if lowest, highest := slices.Min(drawn), slices.Max(drawn); lowest < -bound || highest > bound || lowest > -0.98*bound || highest < 0.98*bound {
		t.Errorf("queries from %v to %v, want them to fill +-%v", lowest, highest, bound)
	}
}
