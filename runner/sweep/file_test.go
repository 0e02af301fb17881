package sweep

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/result"
)

// usable is the outcome of a finished cell on images and a backbone of these hashes.
func usable(data, backbone string) *Outcome {
	return &Outcome{Status: result.Finished, Recipe: recipe.Recipe{Name: "petl", Epochs: 100, Batch: 64}, Run: &result.Run{
		Data: result.Data{Fingerprint: data}, Backbone: result.Backbone{SHA256: backbone},
		Config: json.RawMessage(`{"epochs":3,"batch":8,"precision":"fp32"}`), Accuracy: &result.Accuracy{Split: "test", Note: result.OnceAfterLast},
	}}
}

func failure() *Outcome { return &Outcome{Status: result.Failed, Error: "no images"} }

// TestMerge: a usable cell replaces one that failed, and two usable ones of a key are an error.
func TestMerge(t *testing.T) {
	a, b := usable("d", "b"), usable("d", "b")
	keep, err := Merge([]File{{Key: "x", Path: "1", Outcome: failure()}, {Key: "y", Path: "2", Outcome: a}, {Key: "x", Path: "3", Outcome: b}, {Key: "y", Path: "4", Outcome: failure()}})
	if err != nil || !slices.Equal(keep, []int{2, 1}) {
		t.Errorf("%v, %v", keep, err)
	}
	if _, err := Merge([]File{{Key: "x", Path: "first", Outcome: a}, {Key: "x", Path: "second", Outcome: b}}); err == nil || !strings.Contains(err.Error(), "first") || !strings.Contains(err.Error(), "second") {
		t.Errorf("%v", err)
	}
}

// TestCheckOrigin: one name has one data set, and a table one backbone; cells without an accuracy do not count.
func TestCheckOrigin(t *testing.T) {
	good := []File{{Data: "p", Path: "1", Outcome: usable("d1", "b")}, {Data: "q", Path: "2", Outcome: usable("d2", "b")}, {Data: "p", Path: "3", Outcome: failure()}}
	expect.NoError(t, CheckOrigin(good))
	for words, f := range map[string]File{
		"the data set of p is not the same": {Data: "p", Path: "4", Outcome: usable("d2", "b")},
		"come from two backbones":           {Data: "r", Path: "5", Outcome: usable("d3", "other")},
	} {
		if err := CheckOrigin(append(slices.Clone(good), f)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
}

// TestTurned: a cell whose images were turned is not one of images as they are stored, unless no image has an orientation.
func TestTurned(t *testing.T) {
	for _, c := range []struct {
		images     int
		had, asked string
		want       bool
	}{{2, "on", "off", true}, {0, "on", "off", false}, {2, "off", "off", false}, {2, "on", "auto", false}} {
		if got := turned(result.Data{Turned: c.images}, c.had, c.asked); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestSettings: the record of the run takes precedence over the recipe.
func TestSettings(t *testing.T) {
	o := usable("d", "b")
	o.Overrides = recipe.Overrides{"epochs": "3"}
	if got := o.Settings(); got != "the recipe petl with epochs=3: 3 epochs, batch 8, fp32" {
		t.Error(got)
	}
	if o.Run.Accuracy.Split = "val"; o.Usable() == nil {
		t.Error("an accuracy on val counts")
	}
}

// TestAverage: means and deviations computed by hand; the deviation is that of the averages of each seed.
func TestAverage(t *testing.T) {
	names := []string{"p", "q"}
	scores := map[string]Score{"p": ScoreOf(map[uint64]float64{1: 40, 2: 42}), "q": ScoreOf(map[uint64]float64{1: 20, 2: 19})}
	s, ok := Average(names, scores, MeanOf(names))
	if !ok || s.Mean != 30.25 || s.Std == nil || math.Abs(*s.Std-math.Sqrt(0.125)) > 1e-12 {
		t.Errorf("%+v", s)
	}
	scores["q"] = ScoreOf(map[uint64]float64{1: 20})
	if s, ok = Average(names, scores, MeanOf(names)); !ok || s.Mean != 30.5 || s.Std != nil || s.Seeds != nil {
		t.Errorf("with different seeds: %+v", s)
	}
	if _, ok = Average([]string{"p", "r"}, scores, MeanOf(names)); ok {
		t.Error("an average without a score")
	}
}
