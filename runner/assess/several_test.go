package assess

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// TestSeveralFigures: figures of images with any number of classes are scikit-learn's (scripts/make_several_vectors.py).
func TestSeveralFigures(t *testing.T) {
	raw, err := os.ReadFile("testdata/several.json")
	expect.NoError(t, err)
	var want struct {
		True              [][]int
		Score             [][]float64
		Images            []int
		Precision, Recall []float64
		F1                []float64 `json:"f1"`
		Average           []float64 `json:"average_precision"`
		MAP               float64   `json:"map"`
		MicroF1           float64   `json:"micro_f1"`
		MacroF1           float64   `json:"macro_f1"`
		ExactMatch        float64   `json:"exact_match"`
	}
	expect.NoError(t, json.Unmarshal(raw, &want))
	var answers []SeveralAnswer
	for i, row := range want.True {
		a := SeveralAnswer{Probabilities: want.Score[i]}
		for class, is := range row {
			if is == 1 {
				a.True = append(a.True, class)
			}
		}
		answers = append(answers, a)
	}
	f, each := Several(answers, 5)
	same := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %v, scikit-learn's %v", what, got, want)
		}
	}
	for c, v := range each {
		same("precision", v.Precision, want.Precision[c])
		same("recall", v.Recall, want.Recall[c])
		same("F1", v.F1, want.F1[c])
		same("average precision", v.AveragePrecision, want.Average[c])
		same("images", float64(v.Images), float64(want.Images[c]))
	}
	same("mAP", f.MAP, want.MAP)
	same("micro F1", f.MicroF1, want.MicroF1)
	same("macro F1", f.MacroF1, want.MacroF1)
	same("exact match", f.ExactMatch, want.ExactMatch)
	if f.Images != 60 || f.Absent != 1 {
		t.Errorf("%+v", f)
	}
}

// TestSeveralFiles: a line for each answer and class, names quoted as spreadsheets need it.
func TestSeveralFiles(t *testing.T) {
	answers := []SeveralAnswer{{"a, b.png", []int{0, 1}, []float64{0.75, 0.25, 0.5}}, {"c.png", nil, []float64{0.1, 0.2, 0.3}}}
	names := []string{"cat", "=dog", "cow"}
	var b bytes.Buffer
	expect.NoError(t, writeSeveralPredictions(&b, answers, names))
	if want := "image,true,predicted,probability of cat,\"probability of \"\"=dog\"\"\",probability of cow\n\"a, b.png\",cat|=dog,cat|cow,0.75,0.25,0.5\nc.png,,,0.1,0.2,0.3\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	_, each := Several(answers, 3)
	expect.NoError(t, writeSeveralClasses(&b, each, names))
	if want := "class,images,predicted,precision,recall,f1,average_precision\ncat,1,1,1,1,1,1\n\"\"\"=dog\"\"\",1,0,0,0,0,1\ncow,0,1,0,0,0,\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	if p := Sigmoid([]float32{0, 1, -200, 200}); !slices.Equal(p[:1], []float64{0.5}) || math.Abs(p[1]-0.7310585786300049) > 1e-15 || p[2] > 1e-80 || p[3] != 1 {
		t.Errorf("sigmoid: %v", p)
	}
}

// TestSeveralEvaluation: an evaluation is read as it was written, also with names that quote or separate; damage is named.
func TestSeveralEvaluation(t *testing.T) {
	answers := []SeveralAnswer{{"a, b.png", []int{0, 1}, []float64{0.75, 0.25, 0.5}}, {"=c.png", nil, []float64{0.1, 0.2, 0.3}}}
	for want, names := range map[string][]string{"cat|=dog": {"cat", "=dog", "cow"}, "0|1": {"a|b", "b", "c"}, "\"=a|d\"": {"=a", "d", "e"}} {
		folder := t.TempDir()
		e := NewSeveral(Record{Data: "/d", Split: "test", Classes: 3, ClassNames: names}, answers)
		expect.NoError(t, e.Write(folder))
		raw, err := os.ReadFile(filepath.Join(folder, result.PredictionsFile))
		expect.NoError(t, err)
		rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
		expect.NoError(t, err)
		if rows[1][1] != want {
			t.Errorf("true classes %s, want %s", rows[1][1], want)
		}
		got, err := Read(folder)
		expect.NoError(t, err)
		if !reflect.DeepEqual(got, e) {
			t.Errorf("read %+v, written %+v", got, e)
		}
		if _, err := os.Stat(filepath.Join(folder, result.ConfusionFile)); err == nil {
			t.Error("there is a confusion matrix")
		}
		for old, fault := range map[string]string{"0.75": "the predicted classes", "0.25": "is not a probability", "probability of ": "its columns are not those", ",0.5\n": "wrong number of fields"} {
			damaged := strings.Replace(string(raw), old, map[string]string{"0.75": "0.05", "0.25": "1.25", "probability of ": "p of ", ",0.5\n": "\n"}[old], 1)
			expect.NoError(t, os.WriteFile(filepath.Join(folder, result.PredictionsFile), []byte(damaged), 0o666))
			_, err = Read(folder)
			expect.Error(t, err, fault, "the file is damaged or was changed")
		}
	}
}
