package report

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// crowded holds the points of the paper's figure and Linear.
var crowded = Figure{
	Up: "VTAB-1k average, %", Filled: "accuracy of own runs", Costs: [2]Cost{{"trainable parameters, millions", true}, {"training memory, GiB", false}},
	Points: []Point{
		{Name: "Full", Up: 68.97, Cost: [2]float64{85.8, 4.7}, Quoted: true}, {Name: "Linear", Up: 57.64, Cost: [2]float64{0, 1.2}, Quoted: true},
		{Name: "BitFit", Up: 65.22, Cost: [2]float64{0.1, 2.9}, Quoted: true}, {Name: "VPT-Shallow", Up: 67.82, Cost: [2]float64{0.06, 4.0}, Quoted: true},
		{Name: "VPT-Deep", Up: 71.97, Cost: [2]float64{0.56, 4.2}, Quoted: true}, {Name: "Adapter", Up: 73.86, Cost: [2]float64{0.16, 2.8}, Quoted: true},
		{Name: "AdaptFormer", Up: 74.75, Cost: [2]float64{0.16, 2.8}, Quoted: true}, {Name: "LoRA", Up: 74.6, Cost: [2]float64{0.29, 3.0}, Quoted: true},
		{Name: "SSF", Up: 75.69, Cost: [2]float64{0.21, 4.9}, Quoted: true}, {Name: "FacT-TT", Up: 75.34, Cost: [2]float64{0.04, 3.9}, Quoted: true},
		{Name: "FacT-TK", Up: 75.55, Cost: [2]float64{0.07, 3.9}, Quoted: true}, {Name: "NOAH", Up: 75.48, Cost: [2]float64{0.43, 3.3}, Quoted: true},
		{Name: "LST", Up: 74.25, Cost: [2]float64{2.38, 2.7}, Quoted: true},
		{Name: "DTL", Up: 76.76, Cost: [2]float64{0.04, 1.6}, Own: true}, {Name: "DTL+", Up: 77.7, Cost: [2]float64{0.05, 1.7}, Own: true},
	},
}

// writeFigure writes a figure to the folder FIGURE_OUT, if set, for people to look at.
func writeFigure(t *testing.T, name string, f Figure) {
	folder := os.Getenv("FIGURE_OUT")
	if folder == "" {
		return
	}
	for ending, draw := range map[string]func(io.Writer) error{".svg": f.SVG, ".png": f.PNG} {
		var b bytes.Buffer
		if err := draw(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+ending), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFigure draws an SVG and a PNG.
func TestFigure(t *testing.T) {
	var svg, picture bytes.Buffer
	if err := crowded.SVG(&svg); err != nil {
		t.Fatal(err)
	}
	if err := crowded.PNG(&picture); err != nil {
		t.Fatal(err)
	}
	writeFigure(t, "figure", crowded)
	img, err := png.Decode(&picture)
	if err != nil {
		t.Fatal(err)
	}
	if w := img.Bounds().Dx(); w < 2000 || w > 2200 { // 18 cm at 300 dpi are 2126 pixels
		t.Errorf("the picture is %d pixels wide", w)
	}
	texts := map[string]int{}
	for d := xml.NewDecoder(&svg); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("the SVG is not XML: %v", err)
		}
		if data, ok := token.(xml.CharData); ok {
			texts[strings.TrimSpace(string(data))]++
		}
	}
	for _, p := range crowded.Points {
		want := 2 // once in each panel
		if p.Name == "Linear" {
			want = 1
		}
		if texts[p.Name] != want {
			t.Errorf("the label %q stands %d times, want %d", p.Name, texts[p.Name], want)
		}
	}
	if texts["Linear (0)"] != 1 {
		t.Error("a method without parameters has no label on the logarithmic axis")
	}
}

// TestLabels: labels cover neither each other nor dots, and stay inside. The last two dots are in the same place.
func TestLabels(t *testing.T) {
	area := box{0, 0, 220, 200}
	var dots []box
	var sizes []vg.Point
	for i := range 15 {
		x, y := vg.Length(60+(i*37)%50), vg.Length(100+(i*23)%40)
		if i > 12 {
			x, y = 5, 195
		}
		dots = append(dots, box{x - dotRadius, y - dotRadius, x + dotRadius, y + dotRadius})
		sizes = append(sizes, vg.Point{X: vg.Length(14 + 3*i), Y: 8})
	}
	labels := placeLabels(dots, sizes, area)
	for i, l := range labels {
		if !l.within(area) {
			t.Errorf("label %d stands outside: %v", i, l)
		}
		for j := range dots {
			if l.overlap(dots[j]) > 0 {
				t.Errorf("label %d covers dot %d", i, j)
			}
			if j < i && l.overlap(labels[j]) > 0 {
				t.Errorf("labels %d and %d overlap", i, j)
			}
		}
	}
}

func TestFigureWithout(t *testing.T) {
	if err := (Figure{}).SVG(io.Discard); err == nil {
		t.Error("a figure without points was drawn")
	}
	one := Figure{Points: []Point{{Name: "Linear", Up: 50, Cost: [2]float64{0, 1}}}}
	if err := one.PNG(io.Discard); err != nil {
		t.Errorf("one point without parameters: %v", err)
	}
}
