package report

import (
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// dots is the content of a panel: dots with their names.
type dots struct {
	points []Point
	x      []float64
	names  []string
}

func (d *dots) add(p Point, x float64, name string) {
	d.points, d.x, d.names = append(d.points, p), append(d.x, x), append(d.names, name)
}

// Plot implements plot.Plotter: grid lines, then dots, then labels.
func (d *dots) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() {
			y := toY(t.Value)
			c.StrokeLine2(draw.LineStyle{Color: faint, Width: 0.4}, c.Min.X, y, c.Max.X, y)
		}
	}
	style := textStyle(textSize - 0.5)
	anchors := make([]box, len(d.points))
	sizes := make([]vg.Point, len(d.points))
	for i, q := range d.points {
		x, y := toX(d.x[i]), toY(q.Up)
		anchors[i] = box{x - dotRadius, y - dotRadius, x + dotRadius, y + dotRadius}
		sizes[i] = vg.Point{X: style.Width(d.names[i]), Y: style.Height(d.names[i])}
	}
	labels := placeLabels(anchors, sizes, box{c.Min.X + 1, c.Min.Y + 1, c.Max.X - 1, c.Max.Y - 1})
	for i, at := range labels {
		a, centre := anchors[i].centre(), at.centre()
		// Only a label that stands off needs a line to its dot.
		if end := at.nearest(a); distance(a, end) > 2.5*dotRadius {
			c.StrokeLine2(draw.LineStyle{Color: leader, Width: 0.4}, a.X, a.Y, end.X, end.Y)
		}
		style := style
		style.Color = colour(d.points[i])
		style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
		c.FillText(style, centre, d.names[i])
	}
	for i, q := range d.points {
		drawDot(c, anchors[i].centre(), colour(q), q.Quoted)
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
