package summary

import (
	"fmt"
	"math"
	"testing"

	"dtl-tf/runner/internal/published"
	"dtl-tf/runner/sweep"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// TestScore compares with the textbook's sqrt(sum (x - mean)^2 / (n - 1)), computed by hand: the squares of 2, 4, 4, 4, 5, 5, 7,
// 9 sum to 32, those of 94.8, 95.3, 94.0 to 0.86.
func TestScore(t *testing.T) {
	for _, c := range []struct {
		values    []float64
		mean, std float64 // std < 0: none
	}{
		{[]float64{2, 4, 4, 4, 5, 5, 7, 9}, 5, 2.1380899352993950},
		{[]float64{94.8, 95.3, 94.0}, 94.7, 0.6557438524302000},
		{[]float64{10, 20}, 15, 7.0710678118654755},
		{[]float64{50, 50, 50}, 50, 0},
		{[]float64{71.25}, 71.25, -1},
	} {
		seeds := map[uint64]float64{}
		for i, v := range c.values {
			seeds[uint64(i)] = v
		}
		s := sweep.ScoreOf(seeds)
		if !near(s.Mean, c.mean, 1e-12) || (s.Std == nil) != (c.std < 0) || s.Std != nil && !near(*s.Std, c.std, 1e-12) {
			t.Errorf("%v: mean %v, std %v", c.values, s.Mean, s.Std)
		}
	}
}

func averageOf(t *testing.T, key string, scores map[string]sweep.Score) (sweep.Score, bool) {
	t.Helper()
	for _, a := range averages() {
		if a.key == key {
			return a.over(scores)
		}
	}
	t.Fatalf("no average %q", key)
	return sweep.Score{}, false
}

// TestPublishedAverages compares the averages of DTL's row with the paper (76.7, truncated) and the collected tables.
func TestPublishedAverages(t *testing.T) {
	scores := map[string]sweep.Score{}
	for task, top1 := range published.Of("dtl").Tasks {
		scores[task] = sweep.Score{Mean: top1}
	}
	for key, want := range map[string]float64{"natural": 80.83, "specialized": 86.10, "structured": 63.35, MeanOfGroups: 76.76, MeanOf19: 74.58} {
		s, ok := averageOf(t, key, scores)
		if !ok || !near(s.Mean, want, 0.0051) || s.Std != nil || s.Seeds != nil {
			t.Errorf("%s: %+v, want %v", key, s, want)
		}
	}
	if s, _ := averageOf(t, MeanOfGroups, scores); math.Floor(s.Mean*10)/10 != 76.7 {
		t.Errorf("mean of groups %v, the paper prints 76.7", s.Mean)
	}
	delete(scores, "kitti")
	for key, want := range map[string]bool{"natural": true, "specialized": true, "structured": false, MeanOfGroups: false, MeanOf19: false} {
		if _, ok := averageOf(t, key, scores); ok != want {
			t.Errorf("without kitti, %s: %v, want %v", key, ok, want)
		}
	}
}

// TestSpreadOfAverages checks that the deviation of an average is its spread from seed to seed. If two of the four Specialized
// tasks cancel out, the mean is 50, 50, 50; if one moves by 4, the mean moves by 1.
func TestSpreadOfAverages(t *testing.T) {
	row := func(camelyon, eurosat [3]float64, seeds ...uint64) map[string]sweep.Score {
		scores := map[string]sweep.Score{}
		for task, v := range map[string][3]float64{
			"patch_camelyon": camelyon, "eurosat": eurosat, "resisc45": {50, 50, 50}, "diabetic_retinopathy": {50, 50, 50},
		} {
			by := map[uint64]float64{}
			for i, s := range seeds {
				by[s] = v[i]
			}
			scores[task] = sweep.ScoreOf(by)
		}
		return scores
	}
	for _, c := range []struct {
		name      string
		scores    map[string]sweep.Score
		mean, std float64
	}{
		{"cancel out", row([3]float64{46, 50, 54}, [3]float64{54, 50, 46}, 1, 2, 3), 50, 0},
		{"one moves", row([3]float64{46, 50, 54}, [3]float64{50, 50, 50}, 1, 2, 3), 50, 1},
	} {
		s, ok := averageOf(t, "specialized", c.scores)
		if !ok || !near(s.Mean, c.mean, 1e-12) || s.Std == nil || !near(*s.Std, c.std, 1e-12) || len(s.Seeds) != 3 {
			t.Errorf("%s: %+v, want mean %v, std %v", c.name, s, c.mean, c.std)
		}
	}
	// A seed that one task lacks: the mean of the tasks' means stays, (48 + 50 + 50 + 50) / 4, without a deviation.
	scores := row([3]float64{46, 50, 54}, [3]float64{50, 50, 50}, 1, 2, 3)
	scores["patch_camelyon"] = sweep.ScoreOf(map[uint64]float64{1: 46, 2: 50})
	if s, ok := averageOf(t, "specialized", scores); !ok || !near(s.Mean, 49.5, 1e-12) || s.Std != nil || s.Seeds != nil {
		t.Errorf("different seeds: %+v", s)
	}
}

// TestRounding checks that scores take at most four characters.
func TestRounding(t *testing.T) {
	for v, want := range map[float64]string{0: "0.0", 9.96: "10.0", 99.94: "99.9", 99.96: "100", 100: "100", 74.5789: "74.6"} {
		if got := percent(v); got != want {
			t.Errorf("percent(%v) is %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0.0", 0.25: "0.2", 9.94: "9.9", 9.96: "10", 14.14: "14"} {
		if got := deviation(v); got != want {
			t.Errorf("deviation(%v) is %q, want %q", v, got, want)
		}
	}
}

// TestBest checks that scores that read the same are both best, but never a quoted or a single one.
func TestBest(t *testing.T) {
	score := func(v float64) map[string]sweep.Score { return map[string]sweep.Score{"cifar": {Mean: v}} }
	table := Table{Columns: columns(), Rows: []Row{
		{Name: "a", Scores: score(70.04)}, {Name: "b", Scores: score(69.96)}, {Name: "c", Scores: score(69.94)},
		{Name: "d", Scores: map[string]sweep.Score{"dtd": {Mean: 99}}}, {Name: "q", Quoted: true, Scores: score(80)},
	}}
	got := ""
	for _, l := range table.lines() {
		got += fmt.Sprint(l.cells[0].best, l.cells[2].best, " ")
	}
	if want := "true false true false false false false false false false "; got != want {
		t.Errorf("best in cifar and dtd: %s, want %s", got, want)
	}
}
