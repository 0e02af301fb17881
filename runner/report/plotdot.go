package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// dots is the content of a panel.
type dots []dot

type dot struct {
	Point
	x     float64
	label string
}

// Plot implements plot.Plotter: it draws grid lines, labels and dots.
func (d dots) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() {
			y := toY(t.Value)
			c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.4}, c.Min.X, y, c.Max.X, y)
		}
	}
	style := textStyle(textSize - 0.5)
	places := make([]box, len(d))
	sizes := make([]vg.Point, len(d))
	for i, q := range d {
		x, y := toX(q.x), toY(q.Up)
		places[i] = around(vg.Point{X: x, Y: y}, vg.Point{X: 2 * dotRadius, Y: 2 * dotRadius})
		sizes[i] = vg.Point{X: style.Width(q.label), Y: style.Height(q.label)}
	}
	labels := placeLabels(places, sizes, box{c.Min.X + 1, c.Min.Y + 1, c.Max.X - 1, c.Max.Y - 1})
	for i, at := range labels {
		a := places[i].centre()
		// A label away from its dot needs a line.
		if end := at.nearest(a); distance(a, end) > 2.5*dotRadius {
			c.StrokeLine2(draw.LineStyle{Color: leader, Width: 0.4}, a.X, a.Y, end.X, end.Y)
		}
		style.Color = colour(d[i].Point)
		style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
		c.FillText(style, at.centre(), d[i].label)
	}
	for i, q := range d {
		drawDot(c, places[i].centre(), colour(q.Point), q.Quoted)
	}
}

func colour(p Point) color.Color {
	if p.Own {
		return ours
	}
	return others
}

// drawDot draws a filled or a hollow dot.
func drawDot(c draw.Canvas, at vg.Point, paint color.Color, hollow bool) {
	if !hollow {
		c.DrawGlyph(draw.GlyphStyle{Color: paint, Radius: dotRadius, Shape: draw.CircleGlyph{}}, at)
		return
	}
	c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: dotRadius, Shape: draw.CircleGlyph{}}, at)
	c.SetLineStyle(draw.LineStyle{Color: paint, Width: 1})
	c.DrawGlyph(draw.GlyphStyle{Color: paint, Radius: dotRadius, Shape: draw.RingGlyph{}}, at)
}

func textStyle(size vg.Length) text.Style {
	return text.Style{Color: ink, Font: sans(size), Handler: plot.DefaultTextHandler}
}
