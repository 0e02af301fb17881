package report

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
)

// box is a rectangle.
type box struct{ left, bottom, right, top vg.Length }

// around returns the box of a size around its centre.
func around(c, size vg.Point) box {
	return box{c.X - size.X/2, c.Y - size.Y/2, c.X + size.X/2, c.Y + size.Y/2}
}

func (b box) centre() vg.Point { return vg.Point{X: (b.left + b.right) / 2, Y: (b.bottom + b.top) / 2} }

// padded returns the box with a margin around it.
func (b box) padded(margin vg.Length) box {
	return box{b.left - margin, b.bottom - margin, b.right + margin, b.top + margin}
}

// overlap returns the area that two boxes share.
func (b box) overlap(o box) float64 {
	w := min(b.right, o.right) - max(b.left, o.left)
	h := min(b.top, o.top) - max(b.bottom, o.bottom)
	return float64(max(w, 0) * max(h, 0))
}

func (b box) within(o box) bool {
	return b.left >= o.left && b.right <= o.right && b.bottom >= o.bottom && b.top <= o.top
}

// nearest returns the point of the box that is nearest to p.
func (b box) nearest(p vg.Point) vg.Point {
	return vg.Point{X: max(b.left, min(b.right, p.X)), Y: max(b.bottom, min(b.top, p.Y))}
}

func distance(a, b vg.Point) vg.Length {
	return vg.Length(math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)))
}

// placeLabels returns a place for the label of each dot, the cheapest on rings around it, or the middle of an area that is too
// small. A place costs its distance, more if the label is near another dot or label or its line touches one, and most if the label
// covers one. The last dot comes first; labels do not move afterwards.
func placeLabels(dots []box, sizes []vg.Point, area box) []box {
	const rings, directions, cover, near, touch, steps = 9, 16, 1000, 0.5, 20, 16
	labels, taken := make([]box, len(dots)), slices.Clone(dots)
	for i, dot := range slices.Backward(dots) {
		labels[i] = around(area.centre(), sizes[i])
		least := math.Inf(1)
		for n := range rings * directions {
			away := dotRadius + 1.5 + 5*vg.Length(n/directions)
			sin, cos := math.Sincos(2 * math.Pi * float64(n) / directions)
			offset := vg.Point{X: vg.Length(cos) * (away + sizes[i].X/2), Y: vg.Length(sin) * (away + sizes[i].Y/2)}
			place := around(dot.centre().Add(offset), sizes[i])
			end := place.nearest(dot.centre())
			cost := float64(distance(dot.centre(), end))
			for _, other := range taken {
				cost += cover * place.padded(0.8).overlap(other)
				if other == dot {
					continue
				}
				cost += near * place.padded(dotRadius).overlap(other)
				for step := range steps {
					if p := dot.centre().Add(end.Sub(dot.centre()).Scale(vg.Length(step) / steps)); other.nearest(p) == p {
						cost += touch
					}
				}
			}
			if place.within(area) && cost < least {
				labels[i], least = place, cost
			}
		}
		taken = append(taken, labels[i])
	}
	return labels
}
