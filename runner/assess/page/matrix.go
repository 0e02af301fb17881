package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dtl-tf/graph/spell"
	"dtl-tf/runner/assess"
)

const (
	maxNumbered = 30  // classes for which the cells of the confusion matrix have numbers
	maxNamed    = 128 // classes for which its rows and columns have names
	maxCells    = 20_000
)

// matrix draws the confusion matrix: each cell by its part of the images of its row. It is nil if there are too many classes for a
// picture. left is the number of cells that are not drawn, which have the fewest images.
func matrix(e *assess.Evaluation, m *assess.Matrix) (d *drawing, left int) {
	n := e.Classes
	switch {
	case n > 10*maxCells:
		return nil, 0
	case n > maxNamed:
		return dots(n, m)
	}
	cell := px(max(8, min(44, 420/n)))
	font := min(12, cell)
	longest := 0
	for i := range n {
		longest = max(longest, utf8.RuneCountInString(e.Name(i)))
	}
	space := px(min(longest, maxLabel))*font*0.56 + 8
	d = &drawing{
		Label: "confusion matrix: a row for each true class, a column for each predicted class", Class: "matrix",
		W: 18 + space + px(n)*cell + 2, H: 18 + space + px(n)*cell + 2,
	}
	if n <= 12 {
		d.Class += " fits"
	}
	x0, y0 := 18+space, 18+space
	d.add(mark{Kind: "rect", Class: "ground", X: x0, Y: y0, W: px(n) * cell, H: px(n) * cell})
	size := "label"
	switch {
	case font < 9:
		size = "label tiny"
	case font < 12:
		size = "label little"
	}
	for i := range n {
		at := (px(i)+0.5)*cell + font*0.35
		name := spell.Line(e.Name(i))
		d.add(mark{Kind: "text", Class: size, Anchor: "end", X: x0 - 4, Y: y0 + at, Text: shorten(name, maxLabel), Title: name})
		d.add(mark{Kind: "text", Class: size, Anchor: "start", X: x0 + at, Y: y0 - 4, Text: shorten(name, maxLabel), Title: name, Turned: true})
	}
	for _, c := range m.Cells() {
		part := float64(c.Count) / float64(c.Of)
		class := "wrong"
		if c.True == c.Predicted {
			class = "right"
		}
		opacity := 0.12 + 0.88*math.Sqrt(part)
		x, y := x0+px(c.Predicted)*cell, y0+px(c.True)*cell
		gap := min(1, cell/10)
		d.add(mark{
			Kind: "rect", Class: class, X: x + gap/2, Y: y + gap/2, W: cell - gap, H: cell - gap, Opacity: px(opacity),
			Title: c.Words(e.Name),
		})
		if n <= maxNumbered {
			text := "number"
			if opacity >= reversed[class].light {
				text += " on-light"
			}
			if opacity >= reversed[class].dark {
				text += " on-dark"
			}
			if cell < 22 {
				text += " little"
			}
			d.text(text, "middle", x+cell/2, y+cell/2+4, strconv.Itoa(c.Count))
		}
	}
	d.text("small", "middle", x0+px(n)*cell/2, 12, "predicted")
	d.add(mark{Kind: "text", Class: "small", Anchor: "middle", X: 12, Y: y0 + px(n)*cell/2, Text: "true", Turned: true})
	return d, 0
}

// reversed are the opacities of cells from which on a number is white in the light scheme, and black in the dark one. The contrast is at
// least 4.5 on both sides, which WCAG 2 wants (TestNumbersAreLegible).
var reversed = map[string]struct{ light, dark float64 }{"right": {0.815, 0.685}, "wrong": {0.905, 0.625}}

// maxLabel is the number of characters of a class's name in the confusion matrix.
const maxLabel = 18

// dots draws the confusion matrix of many classes: numbers of classes at its edges, and cells that are at least two pixels wide, so
// that a single mistake among a thousand classes can be seen.
func dots(n int, m *assess.Matrix) (d *drawing, left int) {
	const side, edge, least = 860, 46, 2.2
	d = &drawing{Label: "confusion matrix: a row for each true class, a column for each predicted class", Class: "matrix", W: side + edge + 8, H: side + edge + 8}
	f := frame{left: edge, top: edge, right: edge + side, bottom: edge + side, x1: float64(n), y0: float64(n), y1: 0}
	d.add(mark{Kind: "rect", Class: "ground", X: edge, Y: edge, W: side, H: side})
	for _, v := range ticks(0, float64(n), 10) {
		if v < float64(n) {
			d.text("small", "middle", f.x(v), edge-6, number(v))
			d.text("small", "end", edge-5, f.y(v)+4, number(v))
			d.line("grid", f.x(v), f.top, f.x(v), f.bottom)
			d.line("grid", f.left, f.y(v), f.right, f.y(v))
		}
	}
	d.text("small", "middle", edge+side/2, 12, "predicted class, by number")
	d.add(mark{Kind: "text", Class: "small", Anchor: "middle", X: 10, Y: edge + side/2, Text: "true class, by number", Turned: true})
	cells := m.Cells()
	if over := len(cells) - maxCells; over > 0 {
		left = over
		slices.SortStableFunc(cells, func(a, b assess.Confusion) int { return b.Count - a.Count })
		cells = cells[:maxCells]
	}
	// One path for all cells of a kind and a shade, which keeps the file small.
	shades := []float64{0.3, 0.5, 0.75, 1}
	paths := map[string]*strings.Builder{}
	width := max(least, side/float64(n))
	for _, c := range cells {
		class := "wrong"
		if c.True == c.Predicted {
			class = "right"
		}
		shade := min(len(shades)-1, int(math.Sqrt(float64(c.Count)/float64(c.Of))*float64(len(shades))))
		key := class + strconv.Itoa(shade)
		if paths[key] == nil {
			paths[key] = &strings.Builder{}
		}
		centre := func(at int) px { return px(edge + (float64(at)+0.5)*side/float64(n) - width/2) }
		w := px(width)
		fmt.Fprintf(paths[key], "M%s %sh%sv%sh-%sz", centre(c.Predicted), centre(c.True), w, w, w)
	}
	for _, class := range []string{"right", "wrong"} {
		for i, shade := range shades {
			if p := paths[class+strconv.Itoa(i)]; p != nil {
				d.add(mark{Kind: "path", Class: class, Path: p.String(), Opacity: px(shade)})
			}
		}
	}
	return d, left
}
