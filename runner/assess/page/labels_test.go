package page

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner"
	"dtl-tf/runner/assess"
)

// TestLabelsPage: the page about images of any number of classes has their figures, tables and mistakes, and says what it leaves out.
func TestLabelsPage(t *testing.T) {
	folder := t.TempDir()
	answers := []assess.SeveralAnswer{
		{Image: "a.png", True: []int{0, 1}, Probabilities: []float64{0.9, 0.03, 0.1}}, // misses dog
		{Image: "b.png", Probabilities: []float64{0.2, 0.4, 0.75}},                    // says cow
		{Image: "c.png", True: []int{1}, Probabilities: []float64{0.1, 0.8, 0.3}},
	}
	e := assess.NewSeveral(assess.Record{Data: folder, Split: "test", Method: "dtl", Classes: 3, ClassNames: []string{"cat", "<dog>", "cow"}}, answers)
	expect.NoError(t, e.Write(folder))
	s, err := Open(folder)
	expect.NoError(t, err)
	var b bytes.Buffer
	note, err := s.Write(&b)
	expect.NoError(t, err)
	if !strings.Contains(note, "2 of 2 thumbnails are left out") {
		t.Error(note)
	}
	for _, want := range []string{
		"<b>91.7 <i>%</i></b><small>mean over the 2 of 3 classes that have images", // cat 1, dog (1 + 2/3) / 2
		"<b>66.7 <i>%</i></b><small>of all decisions",                              // 2 right, 3 said, 3 true
		"<b>33.3 <i>%</i></b><small>images of which",
		"2 of 2 wrong decisions", "<bdi>not &lt;dog&gt;</bdi></b> 97.0 %", "is <b><bdi>cat, &lt;dog&gt;</bdi>", "<bdi>cow</bdi></b> 75.0 %", "is <b><bdi>none</bdi>",
		"A confusion matrix and the calibration of the softmax are left out",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(b.String(), "<dog>") {
		t.Error("a name is not escaped")
	}
}

// TestCompareLabels: a page compares runs of images of any number of classes by their figures, and not with runs of one class.
func TestCompareLabels(t *testing.T) {
	write := func(shift float64) string {
		folder := t.TempDir()
		var answers []assess.SeveralAnswer
		for i := range 8 { // of two classes; the first is right for all, or with a shift for the first two
			p := []float64{0.9, 0.1}
			if i >= 2 {
				p[0] -= shift
			}
			answers = append(answers, assess.SeveralAnswer{Image: string(rune('a'+i)) + ".png", True: []int{0}, Probabilities: p})
		}
		e := assess.NewSeveral(assess.Record{Data: folder, Split: "test", Content: "ab", Method: "dtl", Classes: 2, ClassNames: []string{"cat", "dog"}}, answers)
		expect.NoError(t, e.Write(folder))
		return folder
	}
	right, wrong := write(0), write(0.5)
	out := filepath.Join(t.TempDir(), "both.html")
	expect.NoError(t, Report(t.Context(), Config{Runs: []string{right, wrong}, Out: out}, runner.UI{Out: io.Discard, Err: io.Discard}))
	page, err := os.ReadFile(out)
	expect.NoError(t, err)
	for _, want := range []string{
		`<th class="n">mean average precision %</th>`, "Average precision of the classes", "of which only one of two runs gets all classes right",
		// 6 images that only one gets right: p = 2 / 2^6; F1 of cat 2 * 2 / (2 + 8), of dog 0; Wilson's interval of 2 of 8
		`<td class="n">6</td><td class="n">0</td><td class="n">0.031`, `<td class="n">40.0</td><td class="n">20.0</td><td class="n">25.0</td><td class="n">7.1–59.1</td>`,
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(string(page), "calibration error") {
		t.Error("the page has figures of images of one class")
	}
	one := subject(t, evaluation(7, 60, 0.5, 4), "lora")
	for _, runs := range [][]string{{right, one.Folder}, {one.Folder, right}} {
		expect.Error(t, Report(t.Context(), Config{Runs: runs}, runner.UI{}), one.Folder+" is an evaluation of images of one class, and "+right+" of images of any number")
	}
}
