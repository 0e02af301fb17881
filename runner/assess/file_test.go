package assess

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// hostile are names that break lines, columns and spreadsheets.
var hostile = []string{"ant, the", `"bee"`, "c\nat\r\n", "=1+1", "éléphant", "", `</script><b>`}

// sample is an evaluation of five images with hostile names.
func sample(t *testing.T) *Evaluation {
	t.Helper()
	answers := []Answer{
		Judge("a,b/0.png", 0, []float32{3, 1, 0, 0, 0, 0, 0}), Judge("\"q\"\n.png", 1, []float32{3, 1, 0, 0, 0, 0, 0}),
		Judge("\xff.png", 2, []float32{3, 1, 9, 0, 0, 0, 0}), Judge("d/3.png", 6, []float32{3, 1, 0, 0, 0, 0, 7}),
		Judge("d/3.png", 5, []float32{3, 1, 0, 0, 0, 0.1, 7}),
	}
	return New(Record{Program: "test", Backbone: "b.npz", Data: "data", Split: "test", Classes: 7, ClassNames: hostile}, answers)
}

func written(t *testing.T, e *Evaluation) string {
	t.Helper()
	folder := t.TempDir()
	expect.NoError(t, e.Write(folder))
	return folder
}

func rows(t *testing.T, folder, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, name))
	expect.NoError(t, err)
	defer f.Close()
	list, err := csv.NewReader(f).ReadAll()
	expect.NoError(t, err)
	return list
}

// TestFiles: an evaluation is the same after it was written and read, whatever the names; every record is one line.
func TestFiles(t *testing.T) {
	e := sample(t)
	folder := written(t, e)
	back, err := Read(folder)
	expect.NoError(t, err)
	back.Time = e.Time
	if !reflect.DeepEqual(back, e) {
		t.Errorf("read\n%+v\nwritten\n%+v", back, e)
	}
	if !filepath.IsAbs(e.Data) || e.Images != 5 {
		t.Errorf("record %+v", e.Record)
	}
	for name, lines := range map[string]int{result.PredictionsFile: 6, result.PerClassFile: 8, result.ConfusionFile: 8} {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		expect.NoError(t, err)
		if n := strings.Count(string(raw), "\n"); n != lines {
			t.Errorf("%s has %d lines, want %d:\n%s", name, n, lines, raw)
		}
	}
	per := rows(t, folder, result.PerClassFile)
	if got := strings.Join(per[1], "|"); got != "ant, the|1|2|1|0.5|1|0.6666666666666666" {
		t.Errorf("per_class.csv %s", got)
	}
	if got := strings.Join(per[2][1:], "|"); got != "1|0|0||0|0" { // never predicted: no precision
		t.Errorf("per_class.csv %s", got)
	}
	if got := per[4][0]; got != `"=1+1"` { // a text for spreadsheets
		t.Errorf("per_class.csv %s", got)
	}
	confusion := rows(t, folder, result.ConfusionFile)
	if confusion[0][0] != "row: true, column: predicted" || confusion[2][1] != "1" || confusion[6][7] != "1" || confusion[1][2] != "0" {
		t.Errorf("confusion.csv %q", confusion)
	}
}

// TestNumbers: classes without names, or with the same name twice, have numbers in the files.
func TestNumbers(t *testing.T) {
	for _, names := range [][]string{nil, {"a", "b", "a"}} {
		e := New(Record{Classes: 3, ClassNames: names}, []Answer{Judge("x", 2, []float32{0, 1, 2})})
		folder := written(t, e)
		if got := rows(t, folder, result.PredictionsFile)[1]; got[1] != "2" || got[3] != "2" || len(got) != 9 {
			t.Errorf("%q", got)
		}
		back, err := Read(folder)
		expect.NoError(t, err)
		if !reflect.DeepEqual(back.Answers, e.Answers) {
			t.Errorf("%+v", back.Answers)
		}
	}
}

// TestManyClasses: a square of 100,000 classes would take 20 GB, so confusion.csv lists its cells.
func TestManyClasses(t *testing.T) {
	var answers []Answer
	for i := range 4 {
		answers = append(answers, Answer{Image: "x", True: 50_000, Top: []Ranked{{50_000 + i/3, 0.5}}})
	}
	e := New(Record{Classes: 100_000}, answers)
	folder := t.TempDir()
	expect.Memory(t, 64<<20, func() {
		expect.NoError(t, e.writeConfusion(filepath.Join(folder, "c.csv"), Confusions(e.Classes, answers)))
	})
	if got := rows(t, folder, "c.csv"); len(got) != 3 || got[1][2] != "3" || got[2][1] != "50001" {
		t.Errorf("%q", got)
	}
}

// TestReadDamaged: damage is named with the file and the line.
func TestReadDamaged(t *testing.T) {
	intact := written(t, sample(t))
	for name, c := range map[string]struct {
		file     string
		old, new string
		want     []string
	}{
		"cut off":           {result.PredictionsFile, "d/3.png", "\x00cut", []string{"the file is damaged"}},
		"NaN":               {result.PredictionsFile, "0.7224", "NaN", []string{"line ", `"NaN`, "is not a probability"}},
		"above one":         {result.PredictionsFile, "0.7224", "1.5", []string{"line ", "is not a probability"}},
		"class twice":       {result.PredictionsFile, `0.7224020952876512,"""\""bee`, `0.7224020952876512,"ant, the",0.1,"""\""bee`, []string{"wrong number of fields"}},
		"class again":       {result.PredictionsFile, "éléphant", `"""=1+1"""`, []string{"line ", "is there twice"}},
		"rising":            {result.PredictionsFile, "0.03596628250717446,éléphant,0.03596628250717446", "0.03,éléphant,0.035", []string{"the probabilities rise from 0.03 to 0.035"}},
		"unknown class":     {result.PredictionsFile, "éléphant", "zebra", []string{"line ", `class "zebra" is not among the 7`}},
		"column":            {result.PredictionsFile, "true_probability", "truth", []string{"has the columns image, true, truth", "want image, true, true_probability"}},
		"no line":           {result.PredictionsFile, "", "", []string{"is empty"}},
		"fewer images":      {result.EvaluationFile, `"images": 5`, `"images": 6`, []string{"has 5 images", "says 6"}},
		"more images":       {result.EvaluationFile, `"images": 5`, `"images": 4`, []string{"line ", "more than the 4 images"}},
		"no images":         {result.EvaluationFile, `"images": 5`, `"images": 0`, []string{"at least one"}},
		"another version":   {result.EvaluationFile, `"format": 1`, `"format": 2`, []string{"format 2, this program reads format 1", "another version of dtl-tf"}},
		"unknown field":     {result.EvaluationFile, `"split"`, `"colour"`, []string{"colour", "another version of dtl-tf"}},
		"no JSON":           {result.EvaluationFile, "{", "[", []string{"not a complete JSON object"}},
		"too many classes":  {result.EvaluationFile, `"classes": 7`, `"classes": 1000000000`, []string{"at most"}},
		"names and classes": {result.EvaluationFile, `"classes": 7`, `"classes": 8`, []string{"7 names of 8 classes"}},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			expect.NoError(t, os.CopyFS(folder, os.DirFS(intact)))
			path := filepath.Join(folder, c.file)
			raw, err := os.ReadFile(path)
			expect.NoError(t, err)
			text := strings.Replace(string(raw), c.old, c.new, 1)
			switch {
			case c.old == "":
				text = ""
			case text == string(raw):
				t.Fatalf("%q is not in\n%s", c.old, raw)
			case strings.HasPrefix(c.new, "\x00"):
				text, _, _ = strings.Cut(text, "\x00")
				text = text[:len(text)-5]
			}
			expect.NoError(t, os.WriteFile(path, []byte(text), 0o666))
			_, err = Read(folder)
			expect.Error(t, err, append(c.want, path[:len(path)-len(c.file)])...)
			if foreign := new(*result.ForeignError); errors.As(err, foreign) != strings.Contains(strings.Join(c.want, ""), "another version") {
				t.Errorf("%T", err)
			}
		})
	}
	expect.NoError(t, os.Remove(filepath.Join(intact, result.PredictionsFile)))
	_, err := Read(intact)
	expect.Error(t, err, result.PredictionsFile)
	_, err = Read(filepath.Join(intact, "gone"))
	expect.Error(t, err, "gone does not exist")
	_, err = Read(filepath.Join(intact, result.PerClassFile))
	expect.Error(t, err, "is a file")
	empty := t.TempDir()
	_, err = Read(empty)
	expect.Error(t, err, "neither a run nor an evaluation")
	expect.NoError(t, os.WriteFile(filepath.Join(empty, result.RunFile), []byte("{}"), 0o666))
	_, err = Read(empty)
	expect.Error(t, err, "the run in "+empty+" has no predictions", "dtl-tf eval")
}

// TestCompare: the same images, in any order and with the classes in another order; other images are no pair.
func TestCompare(t *testing.T) {
	answer := func(image string, class, predicted int) Answer {
		return Answer{Image: image, True: class, Top: []Ranked{{predicted, 0.9}}}
	}
	a := New(Record{Classes: 2, ClassNames: []string{"x", "y"}}, []Answer{answer("1", 0, 0), answer("2", 1, 0), answer("3", 1, 1), answer("3", 0, 1), answer("4", 0, 0)})
	b := New(Record{Classes: 2, ClassNames: []string{"y", "x"}}, []Answer{answer("4", 1, 0), answer("3", 0, 0), answer("3", 1, 1), answer("1", 1, 1), answer("2", 0, 0)})
	d, same := Compare(a, b)
	if !same || d.OnlyFirst != 1 || d.OnlySecond != 2 || !near(d.P, 1) {
		t.Errorf("%+v %v", d, same)
	}
	for _, c := range []struct {
		content, data [2]string
		want          bool
	}{
		{[2]string{"ab", "ab"}, [2]string{"/x", "/moved"}, true},
		{[2]string{"ab", "cd"}, [2]string{"/x", "/x"}, false}, // other pictures of the same names
		{[2]string{"", "cd"}, [2]string{"/x", "/x"}, true},
		{[2]string{"", ""}, [2]string{"/x", "/y"}, false},
	} {
		x, y := *a, *b
		x.Content, y.Content, x.Data, y.Data = c.content[0], c.content[1], c.data[0], c.data[1]
		if _, same := Compare(&x, &y); same != c.want {
			t.Errorf("%+v: %v", c, same)
		}
	}
	b.Answers[0].Image = "5"
	if _, same := Compare(a, b); same {
		t.Error("other images are taken for the same")
	}
	b.Answers[0].Image, b.Answers[0].True = "4", 0
	if _, same := Compare(a, b); same {
		t.Error("images with other true classes are taken for the same")
	}
}
