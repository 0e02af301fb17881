package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
	"dtl-tf/runner/result"
)

// hostile are names that a page must not take for anything but text.
var hostile = []string{
	`</title><script>alert(1)</script>`, `"><img src=x onerror=alert(2)>`, "{{.}}", "a\u202eb", "' onmouseover='alert(3)", "\n", `</svg><style>*{display:none}</style>`,
}

// evaluation is one of a classifier that is right about a part of random images. Class names are hostile up to the seventh.
func evaluation(classes, images int, right float64, seed uint64) *assess.Evaluation {
	random := rand.New(rand.NewPCG(seed, 1))
	names := make([]string, classes)
	for i := range names {
		names[i] = fmt.Sprintf("class %d", i)
	}
	copy(names, hostile)
	logits := make([]float32, classes)
	var answers []assess.Answer
	for i := range images {
		class := random.IntN(classes)
		for j := range logits {
			logits[j] = float32(random.NormFloat64())
		}
		if logits[class] += 3; random.Float64() > right {
			logits[(class+1+random.IntN(3))%classes] += 6
		}
		answers = append(answers, assess.Judge(fmt.Sprintf("%d/<b>%d.png", class, i), class, logits))
	}
	return assess.New(assess.Record{
		Program: "test", Time: time.Unix(1_700_000_000, 0), Backbone: "<i>b.npz", Method: "dtl", Data: "gone<u>", Split: "test", Classes: classes, ClassNames: names,
	}, answers)
}

// subject is an evaluation in a folder with a run and its curves.
func subject(t *testing.T, e *assess.Evaluation, method string) *Subject {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "run-"+method)
	expect.NoError(t, os.MkdirAll(folder, 0o777))
	r := result.Run{
		Status: result.Finished, Command: []string{"dtl-tf", "<b>"}, Method: method, Started: time.Unix(1_700_000_000, 0),
		Backbone: result.Backbone{Path: e.Backbone}, Data: result.Data{Counts: map[string]int{"test": e.Images}}, Notes: []string{"a <b>note</b>"},
		Accuracy: &result.Accuracy{Top1: 100 * e.Figures.Accuracy.Value, Images: e.Images, Note: result.OnceAfterLast},
	}
	expect.NoError(t, r.SetConfig(map[string]any{"lr": 0.01, "augment": "<em>", "method_options": map[string]string{"rank": "2 of " + method}}))
	expect.NoError(t, result.WriteRun(filepath.Join(folder, result.RunFile), r))
	curves := "epoch,step,lr,loss,val_top1,val_loss\n1,1,0.1,2.5,,\n2,2,0.1,1.25,40,2\n3,3,0.1,NaN,60,1.5\n4,4,0.1,0.5,70,1.25\n"
	expect.NoError(t, os.WriteFile(filepath.Join(folder, result.MetricsFile), []byte(curves), 0o666))
	expect.NoError(t, e.Write(folder))
	s, err := Open(folder)
	expect.NoError(t, err)
	return s
}

func written(t *testing.T, s *Subject) string {
	t.Helper()
	var b bytes.Buffer
	_, err := s.Write(&b)
	expect.NoError(t, err)
	return b.String()
}

// selfContained checks that a page has no scripts, refers to nothing outside itself, and that its elements are closed in order.
func selfContained(t *testing.T, page string) {
	t.Helper()
	for _, bad := range []string{"<script", "<style>*", "onerror=alert(2)>", "<b>note", "<i>b.npz", "javascript:", "ZgotmplZ", "@import", "url(", "<no value>", "NaN\"", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if err := references(page); err != nil {
		t.Error(err)
	}
	if err := balanced(page); err != nil {
		t.Error(err)
	}
}

var attribute = regexp.MustCompile(`(?i)\s(src|href|srcset|data|action|poster|xlink:href|on\w+)\s*=\s*("[^"]*"|'[^']*'|[^\s>]*)`)

// references returns an error for an attribute that loads, leads or runs anything.
func references(page string) error {
	for _, tag := range regexp.MustCompile(`<[a-zA-Z][^<>]*>`).FindAllString(page, -1) {
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			if !strings.HasPrefix(strings.Trim(m[2], `"'`), "data:") {
				return fmt.Errorf("the page refers to something: %s", tag)
			}
		}
	}
	return nil
}

// balanced returns an error unless all elements are closed in order.
func balanced(page string) error {
	var open []string
	for _, m := range regexp.MustCompile(`<(/?)([a-zA-Z][a-z0-9]*)([^<>]*)>`).FindAllStringSubmatch(page, -1) {
		name := m[2]
		switch {
		case strings.HasSuffix(m[3], "/") || strings.Contains(" meta link img br path ", " "+name+" "):
		case m[1] == "":
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return fmt.Errorf("</%s> closes %v", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("not closed: %v", open)
	}
	return nil
}

// TestSingle: the figures are on the page, names are text, and it refers to nothing.
func TestSingle(t *testing.T) {
	for _, classes := range []int{2, 7, 20, 102, 150} {
		t.Run(fmt.Sprint(classes), func(t *testing.T) {
			s := subject(t, evaluation(classes, 600, 0.7, 3), "dtl")
			page := written(t, s)
			selfContained(t, page)
			f := s.Figures
			for _, want := range []string{
				"<b>" + percent(f.Accuracy.Value) + " <i>%</i></b>", percent(f.Accuracy.Low) + " to " + percent(f.Accuracy.High) + " % with 95 % confidence",
				"<b>" + percent(f.Balanced) + " <i>%</i></b>", "expected calibration error " + percent(f.ECE) + " % (15 bins", "E. B. Wilson",
				"600 images of test", "method_options.rank", "2 of dtl", "<bdi>val</bdi>", "48 of ",
			} {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if has := strings.Contains(page, "top-5 accuracy"); has != (classes > 5) {
				t.Errorf("top-5 accuracy with %d classes: %v", classes, has)
			}
			if n := strings.Count(page, "&lt;/title&gt;&lt;script&gt;"); n < 3 {
				t.Errorf("the first class's name is there %d times", n)
			}
		})
	}
}

// TestMatrixCells: a cell of the picture says how many images it has, and its place follows from the classes.
func TestMatrixCells(t *testing.T) {
	e := assess.New(assess.Record{Classes: 3, ClassNames: []string{"ant", "bee", "cat"}}, []assess.Answer{
		assess.Judge("1", 0, []float32{0, 0, 9}), assess.Judge("2", 0, []float32{9, 0, 0}), assess.Judge("3", 0, []float32{9, 0, 0}), assess.Judge("4", 1, []float32{0, 9, 0}),
	})
	d, left := matrix(e, assess.Confusions(3, e.Answers))
	at := map[string]mark{}
	for _, m := range d.Marks {
		if m.Kind == "rect" && m.Title != "" {
			at[m.Title] = m
		}
	}
	diagonal, wrong := at["ant taken for ant: 2 of 3"], at["ant taken for cat: 1 of 3"]
	if left != 0 || len(at) != 3 || diagonal.Class != "right" || wrong.Class != "wrong" {
		t.Fatalf("%+v", at)
	}
	if wrong.Y != diagonal.Y || wrong.X != diagonal.X+2*44 || at["bee taken for bee: 1 of 1"].Y != diagonal.Y+44 {
		t.Errorf("rows are not the true classes: %+v", at)
	}
	if wrong.Opacity >= diagonal.Opacity || math.Abs(float64(wrong.Opacity)-(0.12+0.88*math.Sqrt(1.0/3))) > 1e-9 {
		t.Errorf("shades %v and %v", wrong.Opacity, diagonal.Opacity)
	}
}

// TestMatrixOfMany: with a thousand classes every cell is drawn, at a size that can be seen; beyond the limit the largest are.
func TestMatrixOfMany(t *testing.T) {
	e := evaluation(1000, 8000, 0.6, 5)
	m := assess.Confusions(1000, e.Answers)
	d, left := matrix(e, m)
	drawn := 0
	for _, mark := range d.Marks {
		if mark.Kind == "path" && (mark.Class == "right" || mark.Class == "wrong") {
			drawn += strings.Count(mark.Path, "z")
			if !strings.Contains(mark.Path, "h2.2v2.2") {
				t.Errorf("cells are %.60s", mark.Path)
			}
		}
	}
	if cells := len(m.Cells()); drawn != cells || left != 0 || cells < 2000 {
		t.Errorf("%d of %d cells are drawn, %d left out", drawn, cells, left)
	}
	var answers []assess.Answer
	for i := range 25_000 {
		answers = append(answers, assess.Answer{True: i % 300, Top: []assess.Ranked{{Class: i / 300, Probability: 0.5}}})
	}
	answers = append(answers, answers[24_999])
	d, left = dots(300, assess.Confusions(300, answers))
	if left != 5_000 || d == nil {
		t.Errorf("%d cells are left out", left)
	}
	if d, _ := matrix(&assess.Evaluation{Record: assess.Record{Classes: 1_000_000}}, nil); d != nil {
		t.Error("a million classes have a picture")
	}
}

// TestLarge: ten thousand predictions of a thousand classes give a page below 5 MB, with 48 pictures.
func TestLarge(t *testing.T) {
	e := evaluation(1000, 10_000, 0.6, 9)
	draw(t, e)
	begun := time.Now()
	page := written(t, &Subject{Evaluation: e})
	t.Logf("%d bytes in %v", len(page), time.Since(begun))
	if n := len(page); n > 5_000_000 {
		t.Errorf("the page has %d bytes", n)
	}
	selfContained(t, page)
	pictures := regexp.MustCompile(`src="data:image/jpeg;base64,([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(pictures) != 48 {
		t.Fatalf("%d pictures", len(pictures))
	}
	raw, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(pictures[0][1], "&#43;", "+"))
	expect.NoError(t, err)
	c, format, err := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil || format != "jpeg" || c.Width != 160 || c.Height != 120 {
		t.Errorf("%v %s %v, want 160 x 120", c, format, err)
	}
}

// draw writes noisy pictures of 400 x 300 for the mistakes of an evaluation, into the folder of its data set.
func draw(t *testing.T, e *assess.Evaluation) {
	t.Helper()
	e.Data = t.TempDir()
	random := rand.New(rand.NewPCG(1, 1))
	m := image.NewRGBA(image.Rect(0, 0, 400, 300))
	for i := range 400 * 300 {
		m.Set(i%400, i/400, color.RGBA{uint8(i % 400 / 2), uint8(i / 400), uint8(random.IntN(256)), 255})
	}
	var b bytes.Buffer
	expect.NoError(t, png.Encode(&b, m))
	list, _, _ := mistakes(e, e.Data)
	for _, wrong := range list {
		path := filepath.Join(e.Data, wrong.Image)
		expect.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		expect.NoError(t, os.WriteFile(path, b.Bytes(), 0o666))
	}
}

// TestMistakes: the most confident first; a picture that has moved, is damaged or lies outside is left out and named.
func TestMistakes(t *testing.T) {
	e := assess.New(assess.Record{Classes: 2, Data: t.TempDir(), ClassNames: []string{"ant", "bee"}}, []assess.Answer{
		assess.Judge("sure.png", 0, []float32{0, 5}), assess.Judge("right.png", 1, []float32{0, 9}), assess.Judge("surer.png", 0, []float32{0, 6}),
		assess.Judge("../outside.png", 1, []float32{4, 0}), assess.Judge("damaged.png", 1, []float32{3, 0}),
	})
	outside := filepath.Join(filepath.Dir(e.Data), "outside.png")
	m := image.NewGray(image.Rect(0, 0, 1, 700))
	var b bytes.Buffer
	expect.NoError(t, png.Encode(&b, m))
	for path, content := range map[string][]byte{outside: b.Bytes(), filepath.Join(e.Data, "surer.png"): b.Bytes(), filepath.Join(e.Data, "damaged.png"): b.Bytes()[:40]} {
		expect.NoError(t, os.WriteFile(path, content, 0o666))
	}
	defer os.Remove(outside)
	list, total, missing := mistakes(e, e.Data)
	if len(list) != 4 || total != 4 || list[0].Image != "surer.png" || list[1].Image != "sure.png" || list[0].True != "ant" || list[0].Predicted != "bee" || list[0].Probability != "99.8" {
		t.Errorf("%+v", list)
	}
	if list[0].Picture == "" || list[1].Picture != "" || list[2].Picture != "" || list[3].Picture != "" {
		t.Errorf("pictures %.40s", list)
	}
	for _, want := range []string{"3 of 4 thumbnails are left out", "no such file", "sure.png, ../outside.png, damaged.png"} {
		if !strings.Contains(missing, want) {
			t.Errorf("%q lacks %q", missing, want)
		}
	}
}

// TestCompare: a page of several runs names what differs, and tests differences on the same images.
func TestCompare(t *testing.T) {
	a, b := evaluation(7, 500, 0.9, 3), evaluation(7, 500, 0.9, 3)
	for i := range 40 { // the second is wrong about more
		x := &b.Answers[i]
		x.Top[0].Class = (x.True + 1) % 7
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

// TestReport: report.html is made again in the folder of a run, a file of another program is not replaced, and what is wrong is said.
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

// samplePages writes pages with few and with many classes, and one that compares runs.
func samplePages(t *testing.T) (paths []string) {
	t.Helper()
	var list []*Subject
	for _, classes := range []int{7, 102, 1000} {
		e := evaluation(classes, 3000, 0.8, 3)
		draw(t, e)
		s := subject(t, e, fmt.Sprint(classes))
		path := filepath.Join(s.Folder, result.ReportFile)
		expect.NoError(t, s.WriteFile(path, t.Logf))
		paths, list = append(paths, path), append(list, s)
	}
	path := filepath.Join(t.TempDir(), ComparisonFile)
	expect.NoError(t, CompareFile(path, list))
	return append(paths, path)
}
