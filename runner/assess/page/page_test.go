package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/assess"
)

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

// TestLineChart: points lie where axes say, a value that is no number is a gap, and the accuracy is drawn at the epoch of its weights.
func TestLineChart(t *testing.T) {
	share := assess.ShareOf(50, 100)
	d := lineChart("", "", []Curve{{"val", []float64{1, 2, 3, 4, 5}, []float64{40, 60, math.NaN(), 50, 80}}}, &share, 4)
	var paths []string
	var dots []mark
	for _, m := range d.Marks {
		switch m.Class {
		case "line c0":
			paths = append(paths, m.Path)
		case "dot c1":
			dots = append(dots, m)
		}
	}
	x := func(epoch float64) px { return 46 + px((epoch-1)/4*(chartWidth-12-46)) }
	if len(paths) != 2 || !strings.HasPrefix(paths[0], "M"+x(1).String()+" ") || !strings.HasPrefix(paths[1], "M"+x(4).String()+" ") || strings.Count(paths[0], "L") != 1 {
		t.Errorf("paths %q", paths)
	}
	// At epoch 4 the accuracy is the 50 % of the curve.
	if len(dots) != 1 || dots[0].X != x(4) || !strings.HasPrefix(paths[1], "M"+dots[0].X.String()+" "+dots[0].Y.String()+"L") {
		t.Errorf("the accuracy is at %+v", dots)
	}
	if d := lineChart("", "", []Curve{{"loss", []float64{1}, []float64{math.Inf(1)}}}, nil, 0); d != nil {
		t.Error("a chart of nothing is drawn")
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
