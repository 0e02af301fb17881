package report

import (
	"errors"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curves is a figure of two panels side by side, with the same curves against the same axis.
type Curves struct {
	Curves         []Curve
	X, Left, Right string // labels of the axes
}

// Curve has a value in each panel for each X.
type Curve struct {
	Name           string
	X, Left, Right []float64
	Own            bool // DTL or DTL+, drawn in red
	Dashed         bool
}

// SVG writes the figure as SVG.
func (f Curves) SVG(w io.Writer) error { return writeSVG(f.draw, figureWidth, figureHeight, w) }

// PNG writes the figure as PNG with 300 dots per inch.
func (f Curves) PNG(w io.Writer) error { return writePNG(f.draw, figureWidth, figureHeight, w) }

func (f Curves) draw(c draw.Canvas) error {
	if len(f.Curves) == 0 {
		return errors.New("the figure has no curves: no method has a measurement")
	}
	half := figureWidth / 2
	left := f.panel(f.Left, func(c Curve) []float64 { return c.Left })
	left.Draw(draw.Crop(c, margin, -half-margin, margin, -margin))
	f.panel(f.Right, func(c Curve) []float64 { return c.Right }).Draw(draw.Crop(c, half+margin, -2*margin, margin, -margin))
	return nil
}

// panel draws one value of each curve, with a label at its last point.
func (f Curves) panel(label string, value func(Curve) []float64) *plot.Plot {
	var ends dots
	high, right := 0.0, 0.0
	for _, c := range f.Curves {
		y := value(c)
		for i := range y {
			high, right = math.Max(high, y[i]), math.Max(right, c.X[i])
		}
		ends = append(ends, dot{Point{Up: y[len(y)-1], Own: c.Own, Quoted: c.Dashed}, c.X[len(c.X)-1], c.Name})
	}
	p := Figure{Points: []Point{{Up: high}}}.panel(f.X, label)
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1.35*right, 0, 1.08*high // the labels are to the right
	for _, c := range f.Curves {
		p.Add(stroke{c, value(c)})
	}
	p.Add(ends)
	return p
}

// stroke draws a curve.
type stroke struct {
	Curve
	y []float64
}

// Plot implements plot.Plotter.
func (s stroke) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	line := make([]vg.Point, len(s.y))
	for i := range line {
		line[i] = vg.Point{X: toX(s.X[i]), Y: toY(s.y[i])}
	}
	style := draw.LineStyle{Color: colour(Point{Own: s.Own}), Width: 1}
	if s.Dashed {
		style.Dashes = []vg.Length{3, 2}
	}
	c.StrokeLines(style, line)
}
