package summary

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/fewshot"
	"dtl-tf/runner/recipe"
	"dtl-tf/runner/report"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
	"dtl-tf/runner/train"
)

// put writes the file of a finished cell. It looked at the validation images after epochs 10 and 20, and chose 10.
func put(t *testing.T, root, set string, shots int, method string, seed uint64, top1 float64) string {
	t.Helper()
	c := fewshot.Cell{Set: set, Shots: shots, Method: method, Seed: seed, Outcome: sweep.Outcome{
		Status: result.Finished, Recipe: recipe.Recipe{Name: "published", Epochs: 110, Batch: 32},
		Run: &result.Run{
			Status: result.Finished, Method: method, Config: json.RawMessage(`{"epochs":20,"batch":32,"precision":"fp32","augment":"flip","seed":42,"select_every":10}`),
			Backbone:  result.Backbone{Path: "x/tiny.npz", SHA256: "0123456789abcdef", Architecture: "vit"},
			Data:      result.Data{Fingerprint: set, Root: "data/" + set, Origin: map[string]string{"food101": "not official: few", "oxford-pets": "not official: few"}[set]},
			Selection: &result.Selection{Split: "val", Images: 9, Chosen: 10, Looks: []train.Look{{Epoch: 10, Top1: top1 + 1}, {Epoch: 20, Top1: top1}}},
			Accuracy:  &result.Accuracy{Top1: top1, Split: "test", Epoch: 10, Note: result.OnceAfterBest, Resize: 256, Crop: 224},
		},
	}}
	path := fewshot.CellPath(root, set, shots, method, seed)
	expect.NoError(t, sweep.WriteCell(path, &c))
	return path
}

func fail(t *testing.T, root, set string, shots int, method string, seed uint64) {
	t.Helper()
	c := fewshot.Cell{Set: set, Shots: shots, Method: method, Seed: seed, Outcome: sweep.Outcome{Status: result.Failed, Error: "out of\nmemory"}}
	expect.NoError(t, sweep.WriteCell(fewshot.CellPath(root, set, shots, method, seed), &c))
}

// results has DTL on two sets, with 1 and 2 shots and two splits, and the classifier alone with a cell that failed and one that is
// missing.
func results(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for shots, top1 := range map[int]float64{1: 40, 2: 60} {
		for _, seed := range []uint64{0, 1} {
			put(t, root, "oxford-pets", shots, "dtl", seed, top1+2*float64(seed))
			put(t, root, "food101", shots, "dtl", seed, top1-20-float64(seed))
			put(t, root, "food101", shots, "linear", seed, 10)
		}
	}
	put(t, root, "oxford-pets", 1, "linear", 0, 30)
	fail(t, root, "oxford-pets", 1, "linear", 1)
	fail(t, root, "oxford-pets", 2, "linear", 0)
	return root
}

func printed(t *testing.T, c Config) (out, notes string, err error) {
	t.Helper()
	var o, e bytes.Buffer
	err = Run(c, runner.UI{Out: &o, Err: &e})
	return o.String(), e.String(), err
}

// TestTable compares with means and deviations computed by hand.
func TestTable(t *testing.T) {
	root := results(t)
	cells, bad, err := read([]string{root, root + "/"})
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	table := build(cells, nil)
	var rows []string
	scores := map[string]sweep.Score{}
	for _, r := range table.Rows {
		key := r.Method + string(rune('0'+r.Shots))
		rows = append(rows, key)
		for column, s := range r.Scores {
			scores[key+" "+column] = s.Score
		}
	}
	if got := strings.Join(rows, " "); got != "linear1 linear2 dtl1 dtl2" {
		t.Errorf("rows %s", got)
	}
	for key, want := range map[string][2]float64{
		"dtl1 oxford-pets": {41, math.Sqrt(2)}, "dtl1 food101": {19.5, math.Sqrt(0.5)}, "linear1 food101": {10, 0},
		"dtl2 average": {50.25, math.Sqrt(0.125)}, // split 0: (60 + 40) / 2, split 1: (62 + 39) / 2
	} {
		if s, ok := scores[key]; !ok || math.Abs(s.Mean-want[0]) > 1e-9 || s.Std == nil || math.Abs(*s.Std-want[1]) > 1e-9 {
			t.Errorf("%s: %+v, want %v", key, s, want)
		}
	}
	if s := scores["linear1 oxford-pets"]; s.Mean != 30 || s.Std != nil {
		t.Errorf("one split: %+v", s)
	}
	if _, ok := scores["linear2 average"]; ok {
		t.Error("an average without a data set")
	}
	if got := strings.Join(table.Missing, ", "); got != "oxford-pets 1-shot linear split 1, oxford-pets 2-shot linear split 0, oxford-pets 2-shot linear split 1" {
		t.Errorf("missing: %s", got)
	}
	if v := table.Rows[2].Scores["oxford-pets"]; *v.Val != 42 || v.Chosen[0] != 10 || v.Chosen[1] != 10 {
		t.Errorf("validation: %+v", v)
	}
}

// TestFormats: every format has the scores, names what is missing, and says how the cells were trained.
func TestFormats(t *testing.T) {
	root := results(t)
	for format, words := range map[string][]string{
		report.Text:     {"41.0 ±1.4", "50.2 ±0.4", "Oxford Pets", "Mean of 2", "DTL"},
		report.Markdown: {"| 41.0 ±1.4 |", "| method |"},
		report.LaTeX:    {`41.0 $\pm$1.4`, `\begin{tabular}{lrrrr}`, `\toprule`},
	} {
		out, _, err := printed(t, Config{Folders: []string{root}, Format: format})
		expect.NoError(t, err)
		flat := strings.Join(strings.Fields(out), " ")
		for _, w := range append(words, "split seeds 0, 1", "tiny.npz, vit, sha256 0123456789ab", "The mean is over 2 of the 5 data sets of the experiment: it is not the one",
			"augmentation flip; test images scaled to 256 x 256, of which the centre of 224 x 224; training seed 42; the weights of the epoch that was the best on the validation images (looked at every 10 epochs",
			"trained with the recipe published: 20 epochs, batch 32, fp32", "oxford-pets 2-shot linear split 0: out of memory", "Missing, 3 of 16 cells: oxford-pets 1-shot linear split 1",
			"Images of food101, oxford-pets: not official: few.") {
			if !strings.Contains(flat, w) && !strings.Contains(out, w) {
				t.Errorf("%s lacks %q:\n%s", format, w, out)
			}
		}
	}
	out, _, err := printed(t, Config{Folders: []string{root}, Format: report.CSV})
	expect.NoError(t, err)
	lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	expect.NoError(t, err)
	if len(lines) != 1+4*3 || strings.Join(lines[0], ",") != "method,name,shots,set,top1,std,splits,val_top1,chosen_epochs" {
		t.Errorf("%q", lines)
	}
	if got := strings.Join(lines[7], ","); got != "dtl,DTL,1,food101,19.5,0.7071067811865476,2,20.5,10 10" {
		t.Errorf("%s", got)
	}
	out, _, err = printed(t, Config{Folders: []string{root}, Format: report.JSON})
	expect.NoError(t, err)
	var table Table
	if err := json.Unmarshal([]byte(out), &table); err != nil || len(table.Rows) != 4 || len(table.Missing) != 3 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestSmallBatch: a batch that all training images fit into is no other setting than that of larger sets.
func TestSmallBatch(t *testing.T) {
	root := t.TempDir()
	for shots, images := range map[int]int{1: 7, 16: 112} {
		path := put(t, root, "food101", shots, "dtl", 0, 50)
		b, err := os.ReadFile(path)
		expect.NoError(t, err)
		text := strings.Replace(string(b), `"counts": null`, fmt.Sprintf(`"counts": {"train": %d}`, images), 1)
		text = strings.Replace(text, `"batch": 32,
      "precision"`, fmt.Sprintf(`"batch": %d,
      "precision"`, min(32, images)), 1)
		expect.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	}
	out, _, err := printed(t, Config{Folders: []string{root}, Format: report.Text})
	expect.NoError(t, err)
	for _, words := range []string{"DTL: trained with the recipe published: 20 epochs, batch 32, fp32.", "all of them are one batch"} {
		if !strings.Contains(out, words) {
			t.Errorf("the table lacks %q:\n%s", words, out)
		}
	}
}

// TestPlot: a panel for each data set and one for the average, whose lines have the points of the table.
func TestPlot(t *testing.T) {
	root := results(t)
	cells, _, err := read([]string{root})
	expect.NoError(t, err)
	f := build(cells, nil).figure()
	if len(f.Panels) != 3 || f.Panels[1].Title != "Oxford Pets" || f.Panels[2].Title != "Average of 2 sets" {
		t.Fatalf("%+v", f.Panels)
	}
	if l := f.Panels[2].Lines[1]; !l.Own || len(l.X) != 2 || l.X[1] != 2 || l.Y[1] != 50.25 {
		t.Errorf("%+v", l)
	}
	if l := f.Panels[2].Lines[0]; len(l.X) != 1 || l.X[0] != 1 || l.Y[0] != 20 {
		t.Errorf("the average lacks a data set with two shots: %+v", l)
	}
	for ending, start := range map[string]string{"svg": "<?xml", "PNG": "\x89PNG"} {
		path := filepath.Join(t.TempDir(), "shots."+ending)
		_, _, err := printed(t, Config{Folders: []string{root}, Format: report.Text, Plot: path})
		expect.NoError(t, err)
		b, err := os.ReadFile(path)
		expect.NoError(t, err)
		if !strings.HasPrefix(string(b), start) {
			t.Errorf("%s begins with %.9q", ending, b)
		}
		if ending == "svg" {
			for _, text := range []string{">Food-101<", ">Oxford Pets<", ">Average of 2 sets<", ">DTL<", ">training images of each class<"} {
				if !strings.Contains(string(b), text) {
					t.Errorf("the figure lacks %s", text)
				}
			}
		}
	}
}

// TestBad: what would falsify a table is an error, what can't be read is named.
func TestBad(t *testing.T) {
	root := results(t)
	for words, c := range map[string]Config{
		"--format \"xml\" is unknown":              {Folders: []string{root}, Format: "xml"},
		"give the folder with the results":         {Format: report.Text},
		"--plot a.pdf: the ending must be":         {Folders: []string{root}, Format: report.Text, Plot: "a.pdf"},
		"looked for SET/shots-N/METHOD/seed-S":     {Folders: []string{t.TempDir()}, Format: report.Text},
		"no such file":                             {Folders: []string{filepath.Join(root, "none")}, Format: report.Text},
		"is finished in two folders, and one":      {Folders: []string{root, results(t)}, Format: report.Text},
		"x.svg was not written":                    {Folders: []string{root}, Format: report.Text, Plot: filepath.Join(root, "x.svg")},
		"the data set of oxford-pets 1-shot split": {Folders: []string{root, otherData(t)}, Format: report.Text},
	} {
		if strings.Contains(words, "not written") {
			expect.NoError(t, os.Mkdir(c.Plot, 0o777))
		}
		if _, _, err := printed(t, c); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
	broken := put(t, root, "food101", 1, "lora", 0, 5)
	expect.NoError(t, os.WriteFile(broken, []byte(`{"format": 1, "set"`), 0o666))
	out, notes, err := printed(t, Config{Folders: []string{root}, Format: report.Text})
	if err == nil || !strings.Contains(notes, broken) || !strings.Contains(out, "41.0") {
		t.Errorf("%v\n%s\n%s", err, notes, out)
	}
	alone := t.TempDir()
	broken = put(t, alone, "food101", 1, "lora", 0, 5)
	expect.NoError(t, os.WriteFile(broken, nil, 0o666))
	if _, notes, err := printed(t, Config{Folders: []string{alone}, Format: report.Text}); err == nil || !strings.Contains(notes, "the file is empty") {
		t.Errorf("%v\n%s", err, notes)
	}
}

// otherData has a cell whose training images are others than those of results for the same split.
func otherData(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	path := put(t, root, "oxford-pets", 1, "lora", 0, 5)
	b, err := os.ReadFile(path)
	expect.NoError(t, err)
	expect.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(b), `"fingerprint": "oxford-pets"`, `"fingerprint": "other"`, 1)), 0o666))
	return root
}

// TestDoubt: a table has a note on the cell of a classifier that seems to have learnt nothing.
func TestDoubt(t *testing.T) {
	root := t.TempDir()
	put(t, root, "food101", 1, "dtl", 0, 40)
	path := put(t, root, "food101", 1, "linear", 0, 1)
	c, err := fewshot.ReadCell(path)
	expect.NoError(t, err)
	c.Run.Accuracy.Doubt = "all 9 images get the same answer"
	expect.NoError(t, sweep.WriteCell(path, &c))
	cells, _, err := read([]string{root})
	expect.NoError(t, err)
	notes := strings.Join(build(cells, nil).Notes, "\n")
	if strings.Count(notes, "seems to have learnt nothing") != 1 || !strings.Contains(notes, "linear food101 1-shot split 0 seems to have learnt nothing: all 9 images get the same answer.") {
		t.Error(notes)
	}
}
