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

// candidates returns the places for a label on rings around its dot, or the middle of an area that is too small for it.
func candidates(dot box, size vg.Point, area box) []box {
	const rings, directions = 9, 16
	var list []box
	for ring := range rings {
		away := vg.Length(dotRadius + 1.5 + 5*float64(ring))
		for i := range directions {
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / directions)
			offset := vg.Point{X: vg.Length(cos) * (away + size.X/2), Y: vg.Length(sin) * (away + size.Y/2)}
			if b := around(dot.centre().Add(offset), size); b.within(area) {
				list = append(list, b)
			}
		}
	}
	if list == nil {
		list = []box{around(area.centre(), size)}
	}
	return list
}

// placeLabels returns a place for the label of each dot, so that labels stay inside the area and cover neither dots nor each
// other. In each round every label moves to its best place among the others. Before the first round all labels are empty.
func placeLabels(dots []box, sizes []vg.Point, area box) []box {
	const rounds = 8
	labels := make([]box, len(dots))
	for range rounds {
		for i := range slices.Backward(dots) {
			least := math.Inf(1)
			for _, place := range candidates(dots[i], sizes[i], area) {
				if c := cost(i, place, dots, labels); c < least {
					labels[i], least = place, c
				}
			}
		}
	}
	return labels
}

// cost rates a place for label i. To cover something costs more than any distance.
func cost(i int, place box, dots, labels []box) float64 {
	const cover, misread, gap, steps = 1000, 150, 1.6, 16
	dot := dots[i].centre()
	end := place.nearest(dot)
	sum := float64(distance(dot, end))
	padded := around(place.centre(), vg.Point{X: place.right - place.left + gap, Y: place.top - place.bottom + gap})
	for j := range dots {
		sum += cover * padded.overlap(dots[j])
		if j == i {
			continue
		}
		sum += cover * padded.overlap(labels[j])
		// A label beside another dot seems to belong to it.
		other := dots[j].centre()
		if beside := distance(other, place.nearest(other)); beside < 3*dotRadius && beside < distance(dot, end)+dotRadius {
			sum += misread * float64(1-beside/(3*dotRadius))
		}
		// So does a label whose line passes another dot or label. Dots on one another can't be told apart.
		for step := range steps {
			p := dot.Add(end.Sub(dot).Scale(vg.Length(step) / steps))
			if labels[j].nearest(p) == p || distance(dot, other) > dotRadius && dots[j].nearest(p) == p {
				sum += misread
				break
			}
		}
	}
	return sum
}
