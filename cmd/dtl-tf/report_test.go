package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/assess/page"
	"dtl-tf/runner/result"
)

// TestReportOfRun: a run leaves the answers for its test images, which agree with run.json and with predict, and a report; its summary
// names the confusions and the report.
func TestReportOfRun(t *testing.T) {
	run := dtlRun(t)
	e, err := assess.Read(run)
	expect.NoError(t, err)
	r := readRun(t, run)
	if v := 100 * e.Figures.Accuracy.Value; v != r.Accuracy.Top1 || e.Images != 12 || e.Split != "test" || e.Data != fixture.data || e.Classes != 3 {
		t.Errorf("%v %% of %+v, run.json says %+v", v, e.Record, r.Accuracy)
	}
	rows := table(t, read(t, run, result.PredictionsFile))
	list := predictions(t, append([]string{"predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(run, result.AdapterFile)}, testImages(t)...)...)
	for i, p := range list {
		a := e.Answers[i]
		if filepath.Join(fixture.data, a.Image) != p.Image || a.Predicted() != p.Label || a.True != i%3 || rows[i+1][0] != a.Image {
			t.Errorf("%+v, predict says %+v", a, p)
		}
	}
	report := string(read(t, run, result.ReportFile))
	for _, text := range []string{"colours, dtl", "method_options.rank", "loss, mean over an epoch", "12 images of test"} {
		if !strings.Contains(report, text) {
			t.Errorf("the report lacks %q", text)
		}
	}
	if n := len(e.Answers) - e.Figures.Accuracy.Count; strings.Count(report, "data:image/jpeg") != n {
		t.Errorf("the report has %d thumbnails of %d mistakes", strings.Count(report, "data:image/jpeg"), n)
	}
	var list3 []string
	for _, c := range assess.Confusions(3, e.Answers).Worst(3) {
		list3 = append(list3, c.Words(e.Name))
	}
	for _, text := range []string{fmt.Sprintf("Accuracy %.1f %%, between ", r.Accuracy.Top1), strings.Join(list3, "; "), "Report: " + filepath.Join(run, result.ReportFile) + "\n"} {
		if !strings.Contains(fixture.run.out, text) {
			t.Errorf("the summary lacks %q:\n%s", text, fixture.run.out)
		}
	}
	again := filepath.Join(t.TempDir(), "again.html")
	if o := cli(t, "report", "--out", again, run); o.code != exitDone || o.out != again+"\n" || o.err != "" || string(read(t, again)) != report {
		t.Errorf("report makes another page: %+v", o)
	}
}

// TestNoReport: --report=false leaves none of the files, and no run without a test split does.
func TestNoReport(t *testing.T) {
	without := trained(t, "--report=false", "--epochs", "1", "--method", "linear")
	untested := trained(t, "--data", newData(t, map[string]int{"train": 12}), "--epochs", "1", "--method", "linear")
	for _, run := range []string{without, untested} {
		for _, name := range result.EvaluationFiles() {
			if _, err := os.Stat(filepath.Join(run, name)); err == nil {
				t.Errorf("%s is there", name)
			}
		}
		cli(t, "report", run).want(t, exitFailed, "the run in "+run+" has no predictions", "dtl-tf eval")
	}
	cli(t, "report").want(t, exitUsage, "name the folder of a run")
	// The files of an earlier evaluation go with --overwrite.
	run := trained(t, "--epochs", "1", "--method", "linear")
	cli(t, tune(run, "--overwrite", "--report=false", "--epochs", "1", "--method", "linear")...).want(t, exitDone)
	if exists(run, result.ReportFile) || exists(run, result.EvaluationFile) {
		t.Error("--overwrite leaves the report of the run that it replaces")
	}
}

// TestEvalOut: eval writes only where it is told to, never into a run, and --overwrite replaces an evaluation only.
func TestEvalOut(t *testing.T) {
	run := dtlRun(t)
	before := snapshot(t, run)
	adapter := filepath.Join(run, result.AdapterFile)
	out := filepath.Join(t.TempDir(), "evaluation")
	args := evalArgs(adapter, "--split", "trainval", "--out", out)
	o := cli(t, args...)
	if o.want(t, exitDone, "report: "+filepath.Join(out, result.ReportFile)); !strings.HasPrefix(o.out, "top-1 ") || strings.Count(o.out, "\n") != 1 {
		t.Errorf("eval prints %q", o.out)
	}
	e, err := assess.Read(out)
	expect.NoError(t, err)
	if e.Images != 24 || e.Split != "trainval" || e.Adapter != adapter || e.Method != "dtl" || e.Backbone != fixture.backbone {
		t.Errorf("%+v", e.Record)
	}
	if !strings.Contains(string(read(t, out, result.ReportFile)), "an evaluation without training") {
		t.Error("the report lacks the reason why there are no curves")
	}
	cli(t, args...).want(t, exitFailed, out+": exists already", "--overwrite")
	cli(t, append(args, "--overwrite", "--batch", "7")...).want(t, exitDone)
	cli(t, evalArgs(adapter, "--out", run, "--overwrite")...).want(t, exitFailed, run+" holds a run")
	cli(t, evalArgs(adapter, "--overwrite")...).want(t, exitUsage, "--overwrite needs --out")
	cli(t, evalArgs(adapter, "--out", fixture.data, "--overwrite")...).want(t, exitFailed, "holds no evaluation that --overwrite could replace")
	cli(t, evalArgs(adapter, "--out", fixture.backbone)...).want(t, exitFailed, "--out: ")
	if snapshot(t, run) != before {
		t.Error("eval has changed the run")
	}
	comparison := filepath.Join(t.TempDir(), "both.html")
	cli(t, "report", "--out", comparison, run, out).want(t, exitDone)
	if page := string(read(t, comparison)); !strings.Contains(page, "2 evaluations compared") {
		t.Error("the comparison does not say what it is")
	}
}

// TestEvalTasksOut: several adapters get a folder each with the answers that one by one give, and a page that compares them.
func TestEvalTasksOut(t *testing.T) {
	a, b := dtlRun(t), trained(t, "--method", "linear", "--epochs", "1")
	out := filepath.Join(t.TempDir(), "both")
	tasks := []string{"eval", "--backbone", fixture.backbone, "--adapter", "first=" + a, "--adapter", "second=" + b, "--data", fixture.data, "--out", out}
	cli(t, tasks...).want(t, exitDone, "comparison: "+filepath.Join(out, page.ComparisonFile))
	for name, run := range map[string]string{"first": a, "second": b} {
		want, err := assess.Read(run)
		expect.NoError(t, err)
		got, err := assess.Read(filepath.Join(out, name))
		expect.NoError(t, err)
		for i := range want.Answers {
			x, y := got.Answers[i], want.Answers[i]
			if x.Image != y.Image || x.True != y.True || x.Predicted() != y.Predicted() {
				t.Errorf("%s: %+v, alone %+v", name, x, y)
			}
		}
		if got.Content == "" || got.Content != want.Content || got.Method != want.Method || got.Images != 12 || got.Skipped != 0 {
			t.Errorf("%+v", got.Record)
		}
	}
	if page := string(read(t, out, page.ComparisonFile)); !strings.Contains(page, "only first right") || !strings.Contains(page, "<bdi>second</bdi>") {
		t.Error("the comparison lacks the pair")
	}
	cli(t, tasks...).want(t, exitFailed, "exists already")
	cli(t, append(tasks, "--overwrite")...).want(t, exitDone)
	// An evaluation of another kind leaves no files of the one that it replaces.
	cli(t, evalArgs(b, "--out", out, "--overwrite")...).want(t, exitDone)
	if exists(out, page.ComparisonFile) || !exists(out, result.EvaluationFile) {
		t.Error("of several and of one: " + state(t, out))
	}
	cli(t, append(tasks, "--overwrite")...).want(t, exitDone)
	if !exists(out, page.ComparisonFile) || exists(out, result.EvaluationFile) || exists(out, result.ReportFile) {
		t.Error("of one and of several: " + state(t, out))
	}
	tasks[4] = "..=" + a
	cli(t, append(tasks, "--overwrite")...).want(t, exitUsage, "and .. can't be its name")
}
