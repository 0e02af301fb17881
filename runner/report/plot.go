package report

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Point is one method in a Figure.
type Point struct {
	Name       string
	Up         float64 // what the figure shows upwards: an accuracy in percent, or what was measured
	Quoted     bool    // Up is quoted, not measured here
	Parameters float64 // millions, trainable, without the classifier
	Memory     float64 // GiB of training
	Own        bool    // the method that the figure is about, drawn in colour
}

// Figure is the comparison figure of the DTL paper: accuracy against parameters (on a logarithmic axis) and
// against memory, side by side. Where no accuracy is known it shows something else upwards.
type Figure struct {
	Points []Point
	Up     string // what the vertical axis shows
	Filled string // what the legend says of dots that are not quoted
	Memory string // what the horizontal axis of the right panel shows
}

// The size fits the width of a page with margins; text is 8 points in print.
const (
	figureWidth  = 18 * vg.Centimeter
	figureHeight = 9.5 * vg.Centimeter
	legendHeight = 0.7 * vg.Centimeter
	margin       = 1.5 * vg.Millimeter
	textSize     = 8
	dotRadius    = 2.4 // points
	printDPI     = 300
)

var (
	ink    = color.NRGBA{R: 0x20, G: 0x20, B: 0x20, A: 0xff}
	faint  = color.NRGBA{R: 0xe4, G: 0xe4, B: 0xe4, A: 0xff}
	leader = color.NRGBA{R: 0x90, G: 0x90, B: 0x90, A: 0xff}
	// Told apart in grey print too: the red is darker than the blue.
	others = color.NRGBA{R: 0x4c, G: 0x8b, B: 0xc4, A: 0xff}
	ours   = color.NRGBA{R: 0xb0, G: 0x1c, B: 0x1c, A: 0xff}
)

// SVG writes the figure as SVG.
func (f Figure) SVG(w io.Writer) error {
	c := vgsvg.New(figureWidth, figureHeight)
	if err := f.draw(draw.New(c)); err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return fmt.Errorf("figure: %w", err)
	}
	// A viewer without this font takes one of the same widths.
	out := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
	_, err := w.Write(out)
	return err
}

// PNG writes the figure as PNG, at 300 dots an inch.
func (f Figure) PNG(w io.Writer) error {
	c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(figureWidth, figureHeight), vgimg.UseDPI(printDPI))}
	if err := f.draw(draw.New(c)); err != nil {
		return err
	}
	if _, err := c.WriteTo(w); err != nil {
		return fmt.Errorf("figure: %w", err)
	}
	return nil
}

func (f Figure) draw(c draw.Canvas) error {
	if len(f.Points) == 0 {
		return fmt.Errorf("the figure has no points: no method has a measurement")
	}
	// Both panels have the same axis upwards, so only the left one names it.
	half := figureWidth / 2
	f.parametersPanel().Draw(draw.Crop(c, margin, -half-margin, legendHeight, -margin))
	f.memoryPanel().Draw(draw.Crop(c, half+margin, -2*margin, legendHeight, -margin))
	f.legend(draw.Crop(c, 0, 0, 0, legendHeight-figureHeight))
	return nil
}

// panel is an empty plot of the figure's style.
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
	return p
}

func sans(size vg.Length) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
}

// parametersPanel puts a method without parameters, which has no place on a logarithmic axis, at its left end.
func (f Figure) parametersPanel() *plot.Plot {
	p := f.panel("trainable parameters, millions (logarithmic)", f.Up)
	low, high := math.Inf(1), 0.0
	for _, q := range f.Points {
		if q.Parameters > 0 {
			low, high = min(low, q.Parameters), max(high, q.Parameters)
		}
	}
	if high == 0 { // nothing but the classifier trains in any of them
		low, high = 0.1, 1
	}
	none := low / 3
	left := low / 2
	dots := &dots{}
	for _, q := range f.Points {
		x, name := q.Parameters, q.Name
		if x == 0 {
			x, name = none, name+" (0)"
			left = none / 1.5
		}
		dots.add(q, math.Log10(x), name)
	}
	// A linear axis of logarithms: the library's own logarithmic axis reserves the width of its label twice.
	p.X.Min, p.X.Max, p.X.Tick.Marker = math.Log10(left), math.Log10(high*2), plot.TickerFunc(decades)
	p.Add(dots)
	return p
}

func (f Figure) memoryPanel() *plot.Plot {
	p := f.panel(f.Memory, "")
	dots, high := &dots{}, 0.0
	for _, q := range f.Points {
		dots.add(q, q.Memory, q.Name)
		high = max(high, q.Memory)
	}
	p.X.Min, p.X.Max = 0, 1.1*high
	p.Add(dots)
	return p
}

// roundTicks marks multiples of 1, 2 or 5 times a power of ten, at most seven of them.
func roundTicks(low, high float64) []plot.Tick {
	const most = 7
	unit := math.Pow(10, math.Floor(math.Log10((high-low)/most)))
	step := 10 * unit
	for _, f := range []float64{1, 2, 5} {
		if (high-low)/(f*unit) <= most {
			step = f * unit
			break
		}
	}
	var ticks []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'g', 6, 64)})
	}
	return ticks
}

// decades marks 0.01, 0.1, 1 ... and three times that with numbers, their other multiples without. low and high are
// logarithms to base 10, and so are the values.
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

// legend explains the two kinds of dots, if there are both, below the panels.
func (f Figure) legend(c draw.Canvas) {
	quoted, measured := false, false
	for _, q := range f.Points {
		quoted, measured = quoted || q.Quoted, measured || !q.Quoted
	}
	style := textStyle(textSize)
	style.YAlign = draw.YCenter
	x, y := c.Min.X+0.4*vg.Centimeter, (c.Min.Y+c.Max.Y)/2
	for _, entry := range []struct {
		shown, hollow bool
		text          string
	}{{measured, false, f.Filled}, {quoted, true, "accuracy quoted for ViT-B/16; parameters and memory measured"}} {
		if !entry.shown {
			continue
		}
		drawDot(c, vg.Point{X: x, Y: y}, ink, entry.hollow)
		c.FillText(style, vg.Point{X: x + 6, Y: y}, entry.text)
		x += style.Width(entry.text) + 24
	}
}
