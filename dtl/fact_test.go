package dtl

import (
	"math"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// The rank and scale of scripts/make_factor_vectors.py. The tests of all rivals cover these methods too.
func init() {
	rivals["fact-tt"] = Options{"rank": "3", "scale": "0.7"}
	rivals["fact-tk"] = Options{"rank": "4", "scale": "0.7"}
}

// methodCount counts the trainable parameters of the built graph without the classifier.
func methodCount(t *testing.T, arch backbone.Architecture, name string, options Options) int {
	t.Helper()
	method, _, err := newMethod(name, options, arch)
	if err != nil {
		t.Fatal(err)
	}
	model := must(New(Config{Arch: arch, Std: [3]float64{1, 1, 1}, Method: method, Pool: method.Pool(), Classes: 10}))(t)
	counts := model.Counts()
	if counts.Classifier != 10*backbone.Width(arch)+10 || counts.Frozen != backbone.Parameters(arch) {
		t.Errorf("%s: %+v, want the frozen backbone's %d and a classifier", name, counts, backbone.Parameters(arch))
	}
	return counts.Method
}

// nearPublished checks that a count is within 15 % of the number, in millions, that a paper's table prints.
func nearPublished(t *testing.T, name string, count int, published float64) {
	t.Helper()
	if off := float64(count)/(1e6*published) - 1; math.Abs(off) > 0.15 {
		t.Errorf("%s has %d parameters, %.0f %% off the published %v M", name, count, 100*off, published)
	}
}

// TestFacTCounts: 2 * 768 r + 144 r^2 and 2 * 768 r + 144 r + r^3. Averaged over the ranks of the official configurations for
// the 19 tasks of VTAB-1k, this gives the number in the paper's table.
func TestFacTCounts(t *testing.T) {
	arch := must(backbone.Parse("vit_b16"))(t)
	count := func(name, rank string) int { return methodCount(t, arch, name, Options{"rank": rank}) }
	if got, want := []int{count("fact-tt", "4"), count("fact-tt", "8"), count("fact-tt", "16")}, []int{8_448, 21_504, 61_440}; got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("FacT-TT at ranks 4, 8 and 16 has %v parameters, want %v", got, want)
	} else {
		nearPublished(t, "FacT-TT over the tasks", (got[0]+9*got[1]+9*got[2])/19, 0.04)
	}
	if got, want := []int{count("fact-tk", "16"), count("fact-tk", "32")}, []int{30_976, 86_528}; got[0] != want[0] || got[1] != want[1] {
		t.Errorf("FacT-TK at ranks 16 and 32 has %v parameters, want %v", got, want)
	} else {
		nearPublished(t, "FacT-TK over the tasks", (6*got[0]+13*got[1])/19, 0.07)
	}
	for name, c := range map[string]struct {
		count     int
		published float64
	}{"fact-tt": {39_168, 0.04}, "fact-tk": {68_992, 0.07}} {
		got := methodCount(t, arch, name, nil)
		if got != c.count {
			t.Errorf("%s has %d parameters by default, want %d", name, got, c.count)
		}
		nearPublished(t, name, got, c.published)
	}
}

// TestFacTErrors: ranks out of range, and an MLP that does not divide into square matrices.
func TestFacTErrors(t *testing.T) {
	odd := micro
	odd.MLP = 40
	for _, c := range []struct {
		arch    backbone.Architecture
		options Options
		want    []string
	}{
		{micro, Options{"rank": "13"}, []string{"rank 13", "1 to 12"}},
		{micro, Options{"scale": "0"}, []string{"scale 0"}},
		{odd, nil, []string{"40", "12"}},
	} {
		for _, name := range []string{"fact-tt", "fact-tk"} {
			_, _, err := newMethod(name, c.options, c.arch)
			expect.Error(t, err, c.want...)
		}
	}
}
