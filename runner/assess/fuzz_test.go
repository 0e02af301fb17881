package assess

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// FuzzEvaluation: an evaluation that can be read has figures within their ranges, and is the same after it was written and read again.
func FuzzEvaluation(f *testing.F) {
	folder := f.TempDir()
	if err := New(Record{Data: "d", Classes: 3, ClassNames: []string{"a", "b,", "="}}, []Answer{Judge("x", 1, []float32{1, 2, 3})}).Write(folder); err != nil {
		f.Fatal(err)
	}
	record, err := os.ReadFile(filepath.Join(folder, result.EvaluationFile))
	if err != nil {
		f.Fatal(err)
	}
	predictions, err := os.ReadFile(filepath.Join(folder, result.PredictionsFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record, predictions)
	f.Fuzz(func(t *testing.T, record, predictions []byte) {
		r, err := decode(record)
		if err != nil {
			return
		}
		answers, err := r.parsePredictions("p.csv", predictions)
		if err != nil {
			return
		}
		fig := Sum(r.Classes, answers)
		for _, v := range []float64{fig.Accuracy.Low, fig.Accuracy.High, fig.Balanced, fig.MacroF1, fig.ECE, fig.Confidence} {
			if !(v >= 0 && v <= 1+1e-9) {
				t.Fatalf("figures %+v", fig)
			}
		}
		var again bytes.Buffer
		expect.NoError(t, printCSV(&again, columns(r.Classes), (&Evaluation{Record: *r, Answers: answers}).predictions))
		back, err := r.parsePredictions("p.csv", again.Bytes())
		expect.NoError(t, err)
		if !reflect.DeepEqual(back, answers) {
			t.Fatalf("%+v after %+v", back, answers)
		}
	})
}
