package page

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/result"
)

// TestCompare: a page of several runs names what differs, and tests differences on the same images.
func TestCompare(t *testing.T) {
	a, b := evaluation(7, 500, 0.9, 3), evaluation(7, 500, 0.9, 3)
	for i := range 40 { // the second is wrong about more
		x, logits := b.Answers[i], make([]float32, 7)
		logits[(x.True+1)%7] = 9
		b.Answers[i] = assess.Judge(x.Image, x.True, logits)
	}
	b = assess.New(b.Record, b.Answers)
	list := []*Subject{subject(t, a, "dtl"), subject(t, b, "lora"), subject(t, evaluation(9, 100, 0.5, 4), "linear")}
	var out bytes.Buffer
	expect.NoError(t, Compare(&out, list))
	page := out.String()
	selfContained(t, page)
	d, _ := assess.Compare(a, b)
	for _, want := range []string{
		"run-dtl", "run-lora", "run-linear", "method_options.rank", "2 of lora", fmt.Sprintf(`<td class="n">%d</td><td class="n">%d</td><td class="n">&lt; 0.0001</td>`, d.OnlyFirst, d.OnlySecond),
		percent(a.Figures.Accuracy.Value), percent(a.Figures.Accuracy.Low) + "–" + percent(a.Figures.Accuracy.High), "McNemar",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "&lt; 0.0001"); n != 1 {
		t.Errorf("%d pairs are tested, want one: the third run has other images", n)
	}
	_, same, _ := strings.Cut(page, "all have in common")
	if !strings.Contains(same, "augment") || strings.Contains(same[:strings.Index(same, "</details>")], "method_options.rank") {
		t.Error("common settings are not told from others")
	}
	if names := apart([]*Subject{{Folder: "a/run"}, {Folder: "b/run"}}); names[0] != "1: a/run" || names[1] != "2: b/run" {
		t.Errorf("%q", names)
	}
}

// TestReport: Report rewrites report.html in the folder of a run, does not replace a file of another program, and names every problem.
func TestReport(t *testing.T) {
	e := evaluation(7, 60, 0.5, 3)
	draw(t, e)
	moved := e.Data
	e.Data = filepath.Join(t.TempDir(), "gone")
	s := subject(t, e, "dtl")
	other := subject(t, evaluation(7, 60, 0.5, 4), "lora")
	var out, notes bytes.Buffer
	run := func(c Config) error {
		out.Reset()
		notes.Reset()
		return Report(t.Context(), c, runner.UI{Out: &out, Err: &notes})
	}
	expect.NoError(t, run(Config{Runs: []string{s.Folder}}))
	path := filepath.Join(s.Folder, result.ReportFile)
	if out.String() != path+"\n" || !strings.Contains(notes.String(), "thumbnails are left out") || !strings.Contains(notes.String(), "dtl-tf report --data FOLDER "+s.Folder) {
		t.Errorf("printed %q, notes %q", out.String(), notes.String())
	}
	expect.NoError(t, run(Config{Runs: []string{s.Folder}, Data: moved}))
	page, err := os.ReadFile(path)
	expect.NoError(t, err)
	if notes.Len() != 0 || !bytes.Contains(page, []byte("data:image/jpeg")) {
		t.Errorf("with --data: %s", notes.String())
	}
	foreign := filepath.Join(t.TempDir(), "index.html")
	expect.NoError(t, os.WriteFile(foreign, []byte("<html>mine"), 0o666))
	expect.Error(t, run(Config{Runs: []string{s.Folder}, Out: foreign}), foreign, "is no report of dtl-tf")
	expect.Error(t, run(Config{}), "name the folder of a run")
	expect.Error(t, run(Config{Runs: []string{s.Folder, other.Folder}, Data: moved}), "--data is for")
	comparison := filepath.Join(t.TempDir(), "both.html")
	for range 2 { // the second time it replaces its own
		expect.NoError(t, run(Config{Runs: []string{s.Folder, other.Folder}, Out: comparison}))
	}
	expect.NoError(t, os.WriteFile(filepath.Join(s.Folder, result.MetricsFile), []byte("epoch,loss\n1,x\n"), 0o666))
	expect.Error(t, run(Config{Runs: []string{s.Folder}}), result.MetricsFile+" line 2", "damaged")
	expect.NoError(t, os.WriteFile(filepath.Join(s.Folder, result.RunFile), []byte(`{"format":9}`), 0o666))
	expect.Error(t, run(Config{Runs: []string{s.Folder}}), "another version of dtl-tf")
	expect.NoError(t, os.Remove(filepath.Join(s.Folder, result.RunFile)))
	expect.NoError(t, os.Remove(filepath.Join(s.Folder, result.MetricsFile)))
	expect.NoError(t, run(Config{Runs: []string{s.Folder}}))
	if page, err = os.ReadFile(path); err != nil || !bytes.Contains(page, []byte("an evaluation without training")) {
		t.Errorf("%v: a page without a run", err)
	}
}
