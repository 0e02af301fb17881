package assess

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
)

// vectors is what scikit-learn and scipy say: scripts/make_assess_vectors.py.
type vectors struct {
	Cases []struct {
		Name                  string
		Classes               int
		Labels                []int
		Logits                [][]float32
		Accuracy, Low, High   float64
		Balanced              float64
		Top5                  *float64
		MacroF1               float64 `json:"macro_f1"`
		Precision, Recall, F1 []*float64
		Support               []int
		Confusion             [][]int
		ECE                   float64
		Bins                  []int
		Confidence            float64
		TrueProbability       []float64 `json:"true_probability"`
	}
	McNemar []struct {
		First, Second int
		P             float64
	}
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "figures.json"))
	expect.NoError(t, err)
	expect.NoError(t, json.Unmarshal(raw, &v))
	return v
}

// near compares with a tolerance for sums of doubles in another order.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9 }

func nearOptional(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return near(*a, *b)
}

// TestFigures compares all figures with scikit-learn's, and intervals with scipy's.
func TestFigures(t *testing.T) {
	for _, c := range readVectors(t).Cases {
		t.Run(c.Name, func(t *testing.T) {
			var answers []Answer
			for i, row := range c.Logits {
				a := Judge(fmt.Sprint(i), c.Labels[i], row)
				if !near(a.TrueProbability, c.TrueProbability[i]) {
					t.Errorf("image %d: probability %v of the true class, want %v", i, a.TrueProbability, c.TrueProbability[i])
				}
				answers = append(answers, a)
			}
			f := Sum(c.Classes, answers)
			for name, pair := range map[string][2]float64{
				"accuracy": {f.Accuracy.Value, c.Accuracy}, "low": {f.Accuracy.Low, c.Low}, "high": {f.Accuracy.High, c.High},
				"balanced accuracy": {f.Balanced, c.Balanced}, "macro F1": {f.MacroF1, c.MacroF1}, "ECE": {f.ECE, c.ECE},
				"mean confidence": {f.Confidence, c.Confidence},
			} {
				if !near(pair[0], pair[1]) {
					t.Errorf("%s %v, want %v", name, pair[0], pair[1])
				}
			}
			var top5 *float64
			if f.Top5 != nil {
				top5 = &f.Top5.Value
			}
			if !nearOptional(top5, c.Top5) {
				t.Errorf("top-5 %v, want %v", f.Top5, c.Top5)
			}
			bins, _ := Calibration(answers)
			for i, b := range bins {
				if b.Images != c.Bins[i] {
					t.Errorf("bin %d has %d images, want %d", i, b.Images, c.Bins[i])
				}
			}
			m := Confusions(c.Classes, answers)
			for i, k := range m.Classes {
				if k.Images != c.Support[i] || !nearOptional(k.Precision, c.Precision[i]) || !nearOptional(k.Recall, c.Recall[i]) || !nearOptional(k.F1, c.F1[i]) {
					t.Errorf("class %d: %+v, want %d images, precision %v, recall %v, F1 %v", i, k, c.Support[i], c.Precision[i], c.Recall[i], c.F1[i])
				}
				for j := range c.Confusion {
					if got := m.Count(i, j); got != c.Confusion[i][j] {
						t.Errorf("%d images of %d taken for %d, want %d", got, i, j, c.Confusion[i][j])
					}
				}
			}
		})
	}
}

// TestMcNemar compares with scipy's exact binomial test.
func TestMcNemar(t *testing.T) {
	for _, c := range readVectors(t).McNemar {
		if p := binomialTest(c.First, c.Second); !(math.Abs(p-c.P) <= 1e-9) {
			t.Errorf("%d to %d: p %v, want %v", c.First, c.Second, p, c.P)
		}
	}
}

// TestRank: equal logits rank by class, and large ones do not overflow.
func TestRank(t *testing.T) {
	top := Rank([]float32{1, 1000, 7, 1000, 1000, -3, 7}, 5)
	want := []int{1, 3, 4, 2, 6}
	for i, r := range top {
		if r.Class != want[i] || i < 3 && !near(r.Probability, 1.0/3) {
			t.Fatalf("%+v, want the classes %v", top, want)
		}
	}
	if top := Rank([]float32{2, 3}, 5); len(top) != 2 || top[0].Class != 1 {
		t.Errorf("%+v", top)
	}
}

// TestWorst: the most frequent confusions, of equals that of the smaller class; the classes with the lowest recall.
func TestWorst(t *testing.T) {
	var answers []Answer
	add := func(n, class, predicted int) {
		for range n {
			answers = append(answers, Answer{True: class, Top: []Ranked{{predicted, 0.5}}})
		}
	}
	add(8, 0, 0)
	add(3, 0, 1)
	add(3, 1, 0)
	add(2, 1, 1)
	add(5, 2, 2)
	m := Confusions(4, answers)
	worst := m.Worst(5)
	name := func(class int) string { return []string{"ant", "bee", "cat\n", ""}[class] }
	if len(worst) != 2 || worst[0].Words(name) != "bee taken for ant: 3 of 5" || worst[1].Words(name) != "ant taken for bee: 3 of 11" {
		t.Errorf("%+v", worst)
	}
	if c := m.WorstClasses(5); len(c) != 2 || c[0].Class != 1 || c[1].Class != 0 {
		t.Errorf("%+v", c)
	}
	if got := (Confusion{True: 2, Predicted: 3, Count: 1, Of: 2}).Words(name); got != `"cat\n" taken for "": 1 of 2` {
		t.Errorf("%s", got)
	}
}
