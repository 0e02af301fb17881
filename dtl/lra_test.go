package dtl

import (
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// The sizes of scripts/make_tuner_vectors.py. The tests of all rivals cover this method too. On their two blocks the mean from block 1
// on is the last block's output, so that the method starts at the backbone.
func init() {
	rivals["lra"] = Options{"rank": "6", "side-heads": "3", "side-blocks": "2", "sum-from": "1"}
}

// TestLowRankNetCounts: 12 (2 * 768 r + 3 r^2), near the 0.66 M that is published for LAST.
func TestLowRankNetCounts(t *testing.T) {
	got := methodCount(t, must(backbone.Parse("vit_b16"))(t), "lra", nil)
	if want := 12 * (2*768*32 + 3*32*32); got != want || want != 626_688 {
		t.Errorf("%d parameters, want %d", got, want)
	}
	nearPublished(t, "lra", got, 0.66)
}

// TestLowRankNetLeavesBackboneAlone: no value of the backbone is on the tape.
func TestLowRankNetLeavesBackboneAlone(t *testing.T) { checkLeavesBackboneAlone(t, "lra") }

// TestLowRankNetErrors: the heads divide the rank.
func TestLowRankNetErrors(t *testing.T) {
	_, _, err := newMethod("lra", Options{"rank": "6", "side-heads": "4"}, micro)
	expect.Error(t, err, "side-heads 4", "does not divide the rank 6")
	_, _, err = newMethod("lra", Options{"sum-from": "4"}, micro)
	expect.Error(t, err, "sum-from 4", "0 to 3")
	_, options, err := newMethod("lra", Options{"rank": "5"}, micro)
	if expect.NoError(t, err); options["side-heads"] != "1" || options["side-blocks"] != "4" {
		t.Errorf("at rank 5: %v", options)
	}
}

// TestLowRankNetStored: sums from different blocks have different names, because runs of one feature cache share values by name.
func TestLowRankNetStored(t *testing.T) {
	for from, want := range map[string]string{"0": "sum_00", "2": "sum_02"} {
		m, training, _ := setting{method: "lra", options: Options{"sum-from": from}}.resolve(t)
		if got := m.Stored(training); len(got) != 1 || got[0].Name != want {
			t.Errorf("sum-from %s stores %v, want %s", from, got, want)
		}
	}
}
