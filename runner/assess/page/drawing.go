package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// drawing is an SVG element.
type drawing struct {
	Label string // what it shows, for readers that do not see it
	Class string
	W, H  px
	Marks []mark
}

// mark is a rectangle, a text, a path or a circle of a drawing. Its colour follows from its class, in the style of the page.
type mark struct {
	Kind    string // "rect", "text", "path", "circle"
	Class   string
	X, Y    px
	W, H    px     // of a rectangle; W is the radius of a circle
	Opacity px     // of the filling; 0: 1
	Text    string // of a text
	Anchor  string // of a text: start, middle or end
	Turned  bool   // the text runs upward
	Path    string
	Title   string // shown when a pointer rests on the mark
}

// px is a length or a position, written with two digits after the point.
type px float64

// String implements fmt.Stringer.
func (v px) String() string { return strconv.FormatFloat(math.Round(100*float64(v))/100, 'f', -1, 64) }

func (d *drawing) add(m ...mark) { d.Marks = append(d.Marks, m...) }

func (d *drawing) text(class, anchor string, x, y px, text string) {
	d.add(mark{Kind: "text", Class: class, Anchor: anchor, X: x, Y: y, Text: text})
}

func (d *drawing) line(class string, x1, y1, x2, y2 px) {
	d.add(mark{Kind: "path", Class: class, Path: fmt.Sprintf("M%s %sL%s %s", x1, y1, x2, y2)})
}

// polyline is the path through points.
func polyline(x, y []px) string {
	var b strings.Builder
	for i := range x {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		b.WriteString(letter + x[i].String() + " " + y[i].String())
	}
	return b.String()
}

// frame is the area of a drawing in which values are drawn, with the values at its edges.
type frame struct {
	left, top, right, bottom px
	x0, x1, y0, y1           float64
}

func (f frame) x(v float64) px { return f.left + px((v-f.x0)/(f.x1-f.x0))*(f.right-f.left) }
func (f frame) y(v float64) px { return f.bottom - px((v-f.y0)/(f.y1-f.y0))*(f.bottom-f.top) }

// axes draws the grid, the numbers and the titles of the axes.
func (d *drawing) axes(f frame, xs, ys []float64, x, y string) {
	for _, v := range ys {
		d.line("grid", f.left, f.y(v), f.right, f.y(v))
		d.text("small", "end", f.left-5, f.y(v)+4, number(v))
	}
	for _, v := range xs {
		d.text("small", "middle", f.x(v), f.bottom+15, number(v))
	}
	d.line("axis", f.left, f.bottom, f.right, f.bottom)
	d.text("small", "middle", (f.left+f.right)/2, f.bottom+31, x)
	d.text("small", "start", 2, f.top-9, y)
}

// ticks are up to n or a few more round numbers from low to high.
func ticks(low, high float64, n int) (list []float64) {
	if !(high > low) {
		return []float64{low}
	}
	rough := (high - low) / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*step >= rough {
			step *= m
			break
		}
	}
	for i := math.Ceil(low/step - 1e-9); i*step <= high+1e-9*step; i++ {
		list = append(list, i*step+0) // + 0 makes a positive zero of a negative one
	}
	return list
}

// number formats a tick.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// shorten cuts a text to n characters.
func shorten(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:n-1]) + "…"
}
