package report

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// texts is a canvas that records the boxes of texts.
type texts struct {
	now    affine
	stack  []affine
	boxes  map[string]box
	labels map[string]bool // of dots
}

// affine maps (x, y) to (a x + b y + e, c x + d y + f).
type affine struct{ a, b, c, d, e, f float64 }

func (m affine) apply(x, y float64) (vg.Length, vg.Length) {
	return vg.Length(m.a*x + m.b*y + m.e), vg.Length(m.c*x + m.d*y + m.f)
}

func (m affine) then(n affine) affine { // n first
	return affine{
		m.a*n.a + m.b*n.c, m.a*n.b + m.b*n.d, m.c*n.a + m.d*n.c, m.c*n.b + m.d*n.d,
		m.a*n.e + m.b*n.f + m.e, m.c*n.e + m.d*n.f + m.f,
	}
}

func (t *texts) SetLineWidth(vg.Length)              {}
func (t *texts) SetLineDash([]vg.Length, vg.Length)  {}
func (t *texts) SetColor(color.Color)                {}
func (t *texts) Stroke(vg.Path)                      {}
func (t *texts) Fill(vg.Path)                        {}
func (t *texts) DrawImage(vg.Rectangle, image.Image) {}
func (t *texts) Push()                               { t.stack = append(t.stack, t.now) }
func (t *texts) Pop()                                { t.now, t.stack = t.stack[len(t.stack)-1], t.stack[:len(t.stack)-1] }
func (t *texts) Scale(x, y float64)                  { t.now = t.now.then(affine{a: x, d: y}) }
func (t *texts) Translate(p vg.Point) {
	t.now = t.now.then(affine{a: 1, d: 1, e: float64(p.X), f: float64(p.Y)})
}

func (t *texts) Rotate(r float64) {
	t.now = t.now.then(affine{a: math.Cos(r), b: -math.Sin(r), c: math.Sin(r), d: math.Cos(r)})
}

func (t *texts) FillString(f font.Face, at vg.Point, text string) {
	e := f.Extents()
	b := box{vg.Length(math.Inf(1)), vg.Length(math.Inf(1)), vg.Length(math.Inf(-1)), vg.Length(math.Inf(-1))}
	width := f.Width(text)
	if !t.labels[text] { // a viewer may have a wider font in its place, such as DejaVu Sans
		width *= 1.2
	}
	for _, x := range []vg.Length{at.X, at.X + width} {
		for _, y := range []vg.Length{at.Y - e.Descent, at.Y + e.Ascent} {
			px, py := t.now.apply(float64(x), float64(y))
			b = box{min(b.left, px), min(b.bottom, py), max(b.right, px), max(b.top, py)}
		}
	}
	t.boxes[fmt.Sprintf("%s (%d)", text, len(t.boxes))] = b
}

// TestTextsInside: all texts of a figure are inside it, also with the longest labels of axes.
func TestTextsInside(t *testing.T) {
	long := crowded
	long.Up, long.Costs[1].Label = "accuracy, % (own data sets: see the table)", "training memory, GiB (batch 1048576, fp32)"
	timed := Figure{Up: "seconds a step", Filled: "all measured on this machine", Costs: long.Costs}
	for i, p := range crowded.Points {
		timed.Points = append(timed.Points, Point{Name: p.Name, Up: 0.0123 + 0.001*float64(i), Cost: [2]float64{p.Cost[0], p.Cost[1] / 1000}})
	}
	for name, f := range map[string]Figure{"crowded": crowded, "long": long, "timed": timed} {
		c := &texts{now: affine{a: 1, d: 1}, boxes: map[string]box{}, labels: map[string]bool{"Linear (0)": true}}
		for _, p := range f.Points {
			c.labels[p.Name] = true
		}
		if err := f.draw(draw.NewCanvas(c, figureWidth, figureHeight)); err != nil {
			t.Fatal(err)
		}
		if len(c.boxes) < 2*len(f.Points)+3 {
			t.Errorf("%s: only %d texts", name, len(c.boxes))
		}
		for text, b := range c.boxes {
			if !b.within(box{0, 0, figureWidth, figureHeight}) {
				t.Errorf("%s: %q stands outside: %.0f of %.0f x %.0f", name, text, b, figureWidth, figureHeight)
			}
		}
		writeFigure(t, name, f)
	}
}
