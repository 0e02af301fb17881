package page

import (
	"fmt"
	"math"
	"unicode/utf8"

	"dtl-tf/runner/assess"
)

// Sizes of the charts, in pixels of a phone.
const (
	chartWidth  = 360
	chartHeight = 230
)

// colours is the number of colours for curves that the style of the page has.
const colours = 8

// lineChart draws curves over the epochs, and a share with its interval after an epoch, unless it is nil. Without a share the y axis
// begins at 0, as for a loss.
func lineChart(label, y string, curves []Curve, share *assess.Share, epoch float64) *drawing {
	low, high, last := math.Inf(1), math.Inf(-1), 1.0
	see := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	for _, c := range curves {
		for i, v := range c.Values {
			see(v)
			last = max(last, c.Epoch[i])
		}
	}
	if share != nil {
		see(100 * share.Low)
		see(100 * share.High)
		last = max(last, epoch)
	}
	if !(high >= low) { // no finite value
		return nil
	}
	if share == nil {
		low = min(0, low)
	}
	if high == low {
		high = low + 1
	}
	d := &drawing{Label: label, Class: "chart", W: chartWidth, H: chartHeight}
	f := frame{left: 46, top: 24, right: chartWidth - 12, bottom: chartHeight - 40, x0: min(1, last-1), x1: last, y0: low, y1: high + 0.04*(high-low)}
	d.axes(f, ticks(f.x0, f.x1, 5), ticks(f.y0, f.y1, 4), "epoch", y)
	for n, c := range curves {
		var xs, ys []px
		draw := func() {
			switch class := fmt.Sprintf("line c%d", n%colours); {
			case len(xs) == 1:
				d.add(mark{Kind: "circle", Class: fmt.Sprintf("dot c%d", n%colours), X: xs[0], Y: ys[0], W: 2.5})
			case len(xs) > 1:
				d.add(mark{Kind: "path", Class: class, Path: polyline(xs, ys)})
			}
			xs, ys = nil, nil
		}
		for i, v := range c.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				draw() // a gap
				continue
			}
			xs, ys = append(xs, f.x(c.Epoch[i])), append(ys, f.y(v))
		}
		draw()
	}
	if share != nil {
		class := fmt.Sprintf("c%d", len(curves)%colours)
		d.line("line "+class, f.x(epoch), f.y(100*share.Low), f.x(epoch), f.y(100*share.High))
		d.add(mark{Kind: "circle", Class: "dot " + class, X: f.x(epoch), Y: f.y(100 * share.Value), W: 4, Title: percentRange(*share)})
	}
	return d
}

// reliability draws the accuracy of each bin of confidence as a bar and its mean confidence as a line, and below it how many images each
// has.
func reliability(bins []assess.Bin) *drawing {
	const height = 340
	d := &drawing{Label: "reliability diagram: accuracy by confidence", Class: "chart", W: chartWidth, H: height}
	f := frame{left: 46, top: 24, right: chartWidth - 12, bottom: 232, x1: 1, y1: 1}
	tenths := []float64{0, 0.2, 0.4, 0.6, 0.8, 1}
	d.axes(f, nil, tenths, "", "accuracy")
	most := 0
	for _, b := range bins {
		most = max(most, b.Images)
	}
	low := frame{left: f.left, top: 256, right: f.right, bottom: height - 40, x1: 1, y1: float64(most)}
	for _, b := range bins {
		if b.Images == 0 {
			continue
		}
		title := fmt.Sprintf("confidence %.2f to %.2f: %d images, mean confidence %.3f, accuracy %.3f", b.Low, b.High, b.Images, b.Confidence, b.Accuracy)
		x, w := f.x(b.Low)+1, f.x(b.High)-f.x(b.Low)-2
		d.add(mark{Kind: "rect", Class: "right", X: x, Y: f.y(b.Accuracy), W: w, H: f.bottom - f.y(b.Accuracy), Title: title})
		d.add(mark{Kind: "rect", Class: "wrong", X: x - 1, Y: f.y(b.Confidence) - 1.5, W: w + 2, H: 3, Title: title})
		d.add(mark{Kind: "rect", Class: "count", X: x, Y: low.y(float64(b.Images)), W: w, H: low.bottom - low.y(float64(b.Images)), Title: title})
	}
	d.line("ideal", f.x(0), f.y(0), f.x(1), f.y(1))
	d.axes(low, tenths, []float64{0, float64(most)}, "confidence", "")
	d.text("small", "start", 2, low.top-9, "images")
	return d
}

// intervals draws a share with its interval for each of several evaluations.
func intervals(names []string, shares []assess.Share) *drawing {
	const row = 30
	longest := 0
	for _, name := range names {
		longest = max(longest, utf8.RuneCountInString(name))
	}
	left := px(16 + 6.2*float64(min(longest, 18)))
	d := &drawing{Label: "accuracy with its 95 % interval", Class: "chart", W: chartWidth, H: px(row*len(names) + 58)}
	low, high := 1.0, 0.0
	for _, s := range shares {
		low, high = min(low, s.Low), max(high, s.High)
	}
	margin := max(0.005, 0.06*(high-low))
	low, high = max(0, low-margin), min(1, high+margin)
	f := frame{left: left, top: 12, right: chartWidth - 14, bottom: px(row*len(names) + 18), x0: 100 * low, x1: 100 * high, y1: 1}
	for _, v := range ticks(f.x0, f.x1, 5) {
		d.line("grid", f.x(v), f.top, f.x(v), f.bottom)
	}
	d.axes(f, ticks(f.x0, f.x1, 5), nil, "accuracy in %", "")
	for i, s := range shares {
		y, class := px(row*i+30), fmt.Sprintf("c%d", i%colours)
		d.add(mark{Kind: "text", Class: "name", Anchor: "end", X: left - 8, Y: y + 4, Text: shorten(names[i], 18), Title: names[i]})
		d.line("line "+class, f.x(100*s.Low), y, f.x(100*s.High), y)
		d.add(mark{Kind: "circle", Class: "dot " + class, X: f.x(100 * s.Value), Y: y, W: 5, Title: fmt.Sprintf("%s: %s", names[i], percentRange(s))})
	}
	return d
}
