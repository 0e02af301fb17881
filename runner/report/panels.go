package report

import (
	"errors"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Panels is a figure of several small plots, with lines of the same names in all of them and one legend below. The horizontal axis is
// logarithmic, with a tick at every value that a line has.
type Panels struct {
	Panels []Panel
	X, Y   string // labels of the axes
}

// Panel is one plot.
type Panel struct {
	Title string
	Lines []Line
}

// Line is a value for each of some numbers.
type Line struct {
	Name string
	X, Y []float64
	Own  bool // DTL or DTL+, drawn in red
}

const (
	keyHeight = 0.5 * vg.Centimeter // of a row of the legend
	keyWidth  = 16                  // of a line in the legend, without its name
)

// SVG writes the figure as SVG.
func (f Panels) SVG(w io.Writer) error {
	return writeSVG(f.draw, f.width(), f.height(), w)
}

// PNG writes the figure as PNG with 300 dots per inch.
func (f Panels) PNG(w io.Writer) error {
	return writePNG(f.draw, f.width(), f.height(), w)
}

// columns is the number of panels beside each other: three, or two where they leave no gap.
func (f Panels) columns() int {
	switch n := len(f.Panels); n {
	case 0, 1:
		return 1
	case 2, 4:
		return 2
	}
	return 3
}

// side is the width and height of a panel. A single one is as large as one of two.
func (f Panels) side() vg.Length { return figureWidth / vg.Length(max(f.columns(), 2)) }

func (f Panels) width() vg.Length { return vg.Length(f.columns()) * f.side() }

func (f Panels) height() vg.Length {
	rows := (len(f.Panels) + f.columns() - 1) / f.columns()
	return vg.Length(rows)*f.side() + vg.Length(len(f.keys()))*keyHeight + 2*margin
}

func (f Panels) draw(c draw.Canvas) error {
	lines := f.names()
	if len(lines) == 0 {
		return errors.New("the figure has no lines: no method has a measurement")
	}
	for i, panel := range f.Panels {
		column, row := i%f.columns(), i/f.columns()
		left, top := vg.Length(column)*f.side(), vg.Length(row)*f.side()+margin
		at := draw.Crop(c, left+margin, left+f.side()-margin-f.width(), f.height()-top-f.side()+2*margin, -top)
		f.panel(panel, column == 0, lines).Draw(at)
	}
	style := textStyle(textSize)
	style.YAlign = draw.YCenter
	for row, keys := range f.keys() {
		x, y := c.Min.X+2*margin, c.Min.Y+margin+(vg.Length(len(f.keys())-row)-0.5)*keyHeight
		for _, name := range keys {
			look := lookOf(name, lines)
			c.StrokeLine2(look.line, x, y, x+keyWidth, y)
			c.DrawGlyph(look.glyph, vg.Point{X: x + keyWidth/2, Y: y})
			c.FillText(style, vg.Point{X: x + keyWidth + 4, Y: y}, name)
			x += keyAdvance(name)
		}
	}
	return nil
}

// keyAdvance is the width of an entry of the legend.
func keyAdvance(name string) vg.Length {
	style := textStyle(textSize)
	return keyWidth + 16 + style.Width(name)
}

// names lists the lines of all panels, each name once.
func (f Panels) names() (list []Line) {
	for _, p := range f.Panels {
		for _, l := range p.Lines {
			if !slices.ContainsFunc(list, func(other Line) bool { return other.Name == l.Name }) {
				list = append(list, l)
			}
		}
	}
	return list
}

// keys returns the rows of the legend.
func (f Panels) keys() (rows [][]string) {
	x := f.width()
	for _, l := range f.names() {
		if advance := keyAdvance(l.Name); x+advance > f.width()-4*margin && (len(rows) == 0 || len(rows[len(rows)-1]) > 0) {
			rows, x = append(rows, nil), 0
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], l.Name)
		x += keyAdvance(l.Name)
	}
	return rows
}

// panel draws the lines of a panel. Only the panels at the left have a label on the vertical axis.
func (f Panels) panel(panel Panel, labelled bool, all []Line) *plot.Plot {
	var points []Point
	var ticks []plot.Tick
	for _, l := range panel.Lines {
		for i, x := range l.X {
			points = append(points, Point{Up: l.Y[i]})
			at := math.Log2(x)
			if !slices.ContainsFunc(ticks, func(t plot.Tick) bool { return t.Value == at }) {
				ticks = append(ticks, plot.Tick{Value: at, Label: strconv.FormatFloat(x, 'g', -1, 64)})
			}
		}
	}
	y := ""
	if labelled {
		y = f.Y
	}
	p := Figure{Points: points}.panel(f.X, y)
	p.Title.Text, p.Title.TextStyle.Font, p.Title.TextStyle.Color = panel.Title, sans(textSize+1), ink
	if len(ticks) > 0 {
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		low, high := math.Inf(1), math.Inf(-1)
		for _, t := range ticks {
			low, high = min(low, t.Value), max(high, t.Value)
		}
		pad := max(0.06*(high-low), 0.2)
		p.X.Min, p.X.Max = low-pad, high+pad
	}
	for _, l := range panel.Lines {
		p.Add(marked{l, lookOf(l.Name, all)})
	}
	return p
}

// marked draws a line with a mark at each value.
type marked struct {
	Line
	look look
}

// Plot implements plot.Plotter.
func (m marked) Plot(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	points := make([]vg.Point, len(m.X))
	for i := range points {
		points[i] = vg.Point{X: toX(math.Log2(m.X[i])), Y: toY(m.Y[i])}
	}
	c.StrokeLines(m.look.line, points)
	for _, at := range points {
		c.DrawGlyph(m.look.glyph, at)
	}
}

// look is the style of a line and its marks.
type look struct {
	line  draw.LineStyle
	glyph draw.GlyphStyle
}

// rivalColours differ in brightness too; marks tell lines of equal colours apart.
var rivalColours = []color.Color{
	others,
	color.NRGBA{R: 0x2a, G: 0x7a, B: 0x4a, A: 0xff},
	color.NRGBA{R: 0xd0, G: 0x8a, B: 0x1a, A: 0xff},
	color.NRGBA{R: 0x6a, G: 0x4a, B: 0x9c, A: 0xff},
	color.NRGBA{R: 0x70, G: 0x70, B: 0x70, A: 0xff},
}

// lookOf returns the style of a line by its place among the lines of its kind.
func lookOf(name string, all []Line) look {
	marks := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{}}
	own, rivals := 0, 0
	for _, l := range all {
		n := &rivals
		if l.Own {
			n = &own
		}
		if l.Name != name {
			*n++
			continue
		}
		paint := color.Color(ours)
		if !l.Own {
			paint = rivalColours[*n%len(rivalColours)]
		}
		style := look{
			line:  draw.LineStyle{Color: paint, Width: 1},
			glyph: draw.GlyphStyle{Color: paint, Radius: dotRadius - 0.4, Shape: marks[*n%len(marks)]},
		}
		if l.Own && *n > 0 {
			style.line.Dashes = []vg.Length{3, 2}
		}
		return style
	}
	panic("a line is not among the lines of the figure")
}
