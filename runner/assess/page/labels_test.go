package page

import (
	"bytes"
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
	expect.Error(t, Report(t.Context(), Config{Runs: []string{folder, folder}}, runner.UI{}), "was trained with --loss bce, and the comparison is of images of one class")
}
