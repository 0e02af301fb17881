package report

import (
	"bytes"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// six is a figure of six panels with eight lines each, one of which has a single point.
func six() (f Panels) {
	f.X, f.Y = "training images of each class", "top-1 accuracy, %"
	for _, title := range []string{"FGVC-Aircraft", "Food-101", "Flowers-102", "Oxford Pets", "Stanford Cars", "Average of 5 sets"} {
		p := Panel{Title: title}
		for i, name := range []string{"Linear", "Adapter", "LoRA", "VPT-Deep", "SSF", "BitFit", "DTL", "DTL+"} {
			l := Line{Name: name, Own: i > 5}
			for j, x := range []float64{1, 2, 4, 8, 16} {
				l.X, l.Y = append(l.X, x), append(l.Y, 20+float64(len(title)+10*j+3*i))
			}
			if i == 1 {
				l.X, l.Y = l.X[:1], l.Y[:1]
			}
			p.Lines = append(p.Lines, l)
		}
		f.Panels = append(f.Panels, p)
	}
	return f
}

// TestPanels: every panel has its title, and its axis the numbers of the lines; the legend has each name once.
func TestPanels(t *testing.T) {
	var svg, picture bytes.Buffer
	f := six()
	expect.NoError(t, f.SVG(&svg))
	expect.NoError(t, f.PNG(&picture))
	if folder := os.Getenv("FIGURE_OUT"); folder != "" {
		expect.NoError(t, os.WriteFile(filepath.Join(folder, "panels.png"), picture.Bytes(), 0o644))
	}
	for text, times := range map[string]int{">Food-101<": 1, ">Average of 5 sets<": 1, ">LoRA<": 1, ">DTL+<": 1, ">16<": 6, ">training images of each class<": 6, ">top-1 accuracy, %<": 2} {
		if n := strings.Count(svg.String(), text); n != times {
			t.Errorf("%s is there %d times, want %d", text, n, times)
		}
	}
	img, err := png.Decode(&picture)
	expect.NoError(t, err)
	// 300 dots per inch: 18 cm wide, two rows of panels of 6 cm and two rows of names below.
	if b := img.Bounds(); b.Dx() != 2126 || b.Dy() < 2*708 || b.Dy() > 2*708+250 {
		t.Errorf("%v pixels", b)
	}
	if err := (Panels{}).SVG(io.Discard); err == nil {
		t.Error("a figure of nothing")
	}
	one := Panels{Panels: []Panel{{Title: "one", Lines: []Line{{Name: "a", X: []float64{1}, Y: []float64{0}}}}}}
	expect.NoError(t, one.SVG(io.Discard))
}
