package report

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Point is one method in a Figure.
type Point struct {
	Name   string
	Up     float64    // the value on the vertical axis: an accuracy in percent or a measurement
	Quoted bool       // Up is quoted
	Cost   [2]float64 // the values on the horizontal axes of both panels
	Own    bool       // DTL or DTL+, drawn in red
}

// Figure is a figure like that of the DTL paper: accuracy, or another value if no accuracy is known, against two costs, side by side.
type Figure struct {
	Points []Point
	Up     string // the label of the vertical axis
	Filled string // the legend of dots that are not quoted
	Costs  [2]Cost
}

// Cost is the horizontal axis of a panel.
type Cost struct {
	Label       string
	Logarithmic bool
}

// The figure fits a page with margins.
const (
	figureWidth  = 18 * vg.Centimeter
	figureHeight = 9.5 * vg.Centimeter
	legendHeight = 0.7 * vg.Centimeter
	margin       = 1.5 * vg.Millimeter
	textSize     = 8 // points
	dotRadius    = 2.4
	printDPI     = 300
)

var (
	ink    = color.NRGBA{R: 0x20, G: 0x20, B: 0x20, A: 0xff}
	faint  = color.NRGBA{R: 0xe4, G: 0xe4, B: 0xe4, A: 0xff}
	leader = color.NRGBA{R: 0x90, G: 0x90, B: 0x90, A: 0xff}
	// The red is darker than the blue, so that they differ in grey print too.
	others = color.NRGBA{R: 0x4c, G: 0x8b, B: 0xc4, A: 0xff}
	ours   = color.NRGBA{R: 0xb0, G: 0x1c, B: 0x1c, A: 0xff}
)

// SVG writes the figure as SVG.
func (f Figure) SVG(w io.Writer) error { return writeSVG(f.draw, figureWidth, figureHeight, w) }

// PNG writes the figure as PNG with 300 dots per inch.
func (f Figure) PNG(w io.Writer) error { return writePNG(f.draw, figureWidth, figureHeight, w) }

func writeSVG(paint func(c draw.Canvas) error, width, height vg.Length, w io.Writer) error {
	var b bytes.Buffer
	if err := paintFigure(paint, vgsvg.New(width, height), &b); err != nil {
		return err
	}
	// A viewer without this font uses one of the same widths.
	fonts := strings.NewReplacer("font-family:Liberation Sans;", "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")
	_, err := fonts.WriteString(w, b.String())
	return err
}

func writePNG(paint func(c draw.Canvas) error, width, height vg.Length, w io.Writer) error {
	return paintFigure(paint, vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(printDPI))}, w)
}

func paintFigure(paint func(c draw.Canvas) error, c vg.CanvasWriterTo, w io.Writer) error {
	if err := paint(draw.New(c)); err != nil {
		return err
	}
	if _, err := c.WriteTo(w); err != nil {
		return fmt.Errorf("figure: %w", err)
	}
	return nil
}

func (f Figure) draw(c draw.Canvas) error {
	if len(f.Points) == 0 {
		return errors.New("the figure has no points: no method has a measurement")
	}
	// Both panels have the same vertical axis, so only the left one is labelled.
	half := figureWidth / 2
	f.costPanel(0, f.Up).Draw(draw.Crop(c, margin, -half-margin, legendHeight, -margin))
	f.costPanel(1, "").Draw(draw.Crop(c, half+margin, -2*margin, legendHeight, -margin))
	f.legend(draw.Crop(c, 0, 0, 0, legendHeight-figureHeight))
	return nil
}

// panel returns a plot in the figure's style with grid lines only.
func (f Figure) panel(xLabel, yLabel string) *plot.Plot {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = xLabel, yLabel
	low, high := math.Inf(1), math.Inf(-1)
	for _, q := range f.Points {
		low, high = min(low, q.Up), max(high, q.Up)
	}
	pad := max(0.08*(high-low), 0.01*high)
	p.Y.Min, p.Y.Max = low-pad, high+pad
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = sans(textSize)
		a.Label.TextStyle.Color, a.Tick.Label.Color = ink, ink
		a.Tick.Label.Font = sans(textSize - 1)
		a.LineStyle.Width, a.Tick.LineStyle.Width = 0.5, 0.5
		a.LineStyle.Color, a.Tick.LineStyle.Color = ink, ink
		a.Padding = 0
		a.Tick.Marker = plot.TickerFunc(roundTicks)
	}
	p.Add(&plotter.Grid{Horizontal: draw.LineStyle{Color: faint, Width: 0.4}})
	return p
}

func sans(size vg.Length) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
}

// costPanel draws the points against one of the costs.
func (f Figure) costPanel(which int, up string) *plot.Plot {
	if f.Costs[which].Logarithmic {
		return f.logarithmicPanel(which, up)
	}
	p := f.panel(f.Costs[which].Label, up)
	var content dots
	high := 0.0
	for _, q := range f.Points {
		content = append(content, dot{q, q.Cost[which], q.Name})
		high = max(high, q.Cost[which])
	}
	p.X.Min, p.X.Max = 0, 1.1*high
	p.Add(content)
	return p
}

// logarithmicPanel places a method without cost, which has no place on a logarithmic axis, at the left end.
func (f Figure) logarithmicPanel(which int, up string) *plot.Plot {
	p := f.panel(f.Costs[which].Label+" (logarithmic)", up)
	low, high := math.Inf(1), 0.0
	for _, q := range f.Points {
		if x := q.Cost[which]; x > 0 {
			low, high = min(low, x), max(high, x)
		}
	}
	if high == 0 { // no method has a cost: all train the classifier only
		low, high = 0.1, 1
	}
	none := low / 3
	left := low / 2
	var content dots
	for _, q := range f.Points {
		x, name := q.Cost[which], q.Name
		if x == 0 {
			x, name = none, name+" (0)"
			left = none / 1.5
		}
		content = append(content, dot{q, math.Log10(x), name})
	}
	// The library's own logarithmic axis reserves the width of its label twice, so this is a linear axis of logarithms.
	p.X.Min, p.X.Max, p.X.Tick.Marker = math.Log10(left), math.Log10(high*2), plot.TickerFunc(decades)
	p.Add(content)
	return p
}

// roundTicks returns at most seven ticks at multiples of 1, 2 or 5 times a power of ten.
func roundTicks(low, high float64) []plot.Tick {
	const maxTicks = 7
	step := math.Pow(10, math.Floor(math.Log10((high-low)/maxTicks)))
	for _, factor := range []float64{2, 2.5, 2} { // from 1 to 2, 5 and 10
		if (high-low)/step > maxTicks {
			step *= factor
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 6, 64)})
	}
	return ticks
}

// decades returns ticks with numbers at 0.01, 0.1, 1 ... and three times these, and without numbers at the other multiples. All
// values are logarithms to base 10.
func decades(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(low); e <= high; e++ {
		for i := 1.0; i < 10; i++ {
			v := i * math.Pow(10, e)
			at := math.Log10(v)
			if at < low || at > high {
				continue
			}
			label := ""
			if i == 1 || i == 3 {
				label = strconv.FormatFloat(v, 'g', 3, 64)
			}
			ticks = append(ticks, plot.Tick{Value: at, Label: label})
		}
	}
	return ticks
}

// legend explains the kinds of dots below the panels.
func (f Figure) legend(c draw.Canvas) {
	style := textStyle(textSize)
	style.YAlign = draw.YCenter
	x, y := c.Min.X+0.4*vg.Centimeter, (c.Min.Y+c.Max.Y)/2
	for _, hollow := range []bool{false, true} {
		if !slices.ContainsFunc(f.Points, func(q Point) bool { return q.Quoted == hollow }) {
			continue
		}
		entry := f.Filled
		if hollow {
			entry = "accuracy quoted for ViT-B/16; parameters and memory measured"
		}
		drawDot(c, vg.Point{X: x, Y: y}, ink, hollow)
		c.FillText(style, vg.Point{X: x + 6, Y: y}, entry)
		x += style.Width(entry) + 24
	}
}

// dots is the content of a panel.
type dots []dot

type dot struct {
	Point
	x     float64
	label string
}

// Plot implements plot.Plotter: it draws labels and dots.
func (d dots) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
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
