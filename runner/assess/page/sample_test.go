package page

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dtl-tf/graph/expect"
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
		Accuracy: &result.Accuracy{Top1: 100 * e.Figures.Accuracy.Value, Images: e.Images, Note: result.OnceAfterLast, Epoch: 3},
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
