package report

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/plot/vg"
)

// box is a rectangle.
type box struct{ left, bottom, right, top vg.Length }

func (b box) centre() vg.Point { return vg.Point{X: (b.left + b.right) / 2, Y: (b.bottom + b.top) / 2} }

// overlap is the area that two boxes share.
func (b box) overlap(o box) float64 {
	w := min(b.right, o.right) - max(b.left, o.left)
	h := min(b.top, o.top) - max(b.bottom, o.bottom)
	return float64(max(w, 0) * max(h, 0))
}

func (b box) within(o box) bool {
	return b.left >= o.left && b.right <= o.right && b.bottom >= o.bottom && b.top <= o.top
}

// nearest is the point of the box that is nearest to p.
func (b box) nearest(p vg.Point) vg.Point {
	return vg.Point{X: max(b.left, min(b.right, p.X)), Y: max(b.bottom, min(b.top, p.Y))}
}

func (b box) grown(by vg.Length) box {
	return box{b.left - by, b.bottom - by, b.right + by, b.top + by}
}

func distance(a, b vg.Point) vg.Length {
	return vg.Length(math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)))
}

// line is from a dot to its label.
type line struct{ a, b vg.Point }

// crosses tells whether two lines have a point inside both in common.
func (l line) crosses(o line) bool {
	side := func(a, b, p vg.Point) float64 { return float64((b.X-a.X)*(p.Y-a.Y) - (b.Y-a.Y)*(p.X-a.X)) }
	return side(l.a, l.b, o.a)*side(l.a, l.b, o.b) < 0 && side(o.a, o.b, l.a)*side(o.a, o.b, l.b) < 0
}

// through tells whether the line passes the inside of a box: it is clipped by each side in turn (Liang and Barsky).
func (l line) through(b box) bool {
	from, to := vg.Length(0), vg.Length(1)
	dx, dy := l.b.X-l.a.X, l.b.Y-l.a.Y
	for _, side := range [4][2]vg.Length{{-dx, l.a.X - b.left}, {dx, b.right - l.a.X}, {-dy, l.a.Y - b.bottom}, {dy, b.top - l.a.Y}} {
		speed, room := side[0], side[1]
		switch {
		case speed == 0 && room <= 0:
			return false
		case speed < 0:
			from = max(from, room/speed)
		case speed > 0:
			to = min(to, room/speed)
		}
	}
	return from < to
}

// candidates are the places around a dot where its label of the given size may stand, near ones first.
func candidates(dot box, size vg.Point, area box) []box {
	const rings, directions = 9, 16
	c := dot.centre()
	var list []box
	for ring := range rings {
		away := vg.Length(dotRadius + 1.5 + 5*float64(ring))
		for i := range directions {
			angle := 2 * math.Pi * float64(i) / directions
			dx, dy := vg.Length(math.Cos(angle)), vg.Length(math.Sin(angle))
			// The nearest point of the label lies on the circle of the ring.
			x, y := c.X+dx*(away+size.X/2), c.Y+dy*(away+size.Y/2)
			b := box{x - size.X/2, y - size.Y/2, x + size.X/2, y + size.Y/2}
			if b.within(area) {
				list = append(list, b)
			}
		}
	}
	return list
}

// placeLabels finds a place for the label of each dot, so that labels cover neither each other nor dots, stay inside
// the area, and lines from dots to labels cross little. Every label in turn takes the best place while the others
// stay, until none moves. That ends in a poor arrangement now and then, so it is tried from several random ones.
func placeLabels(dots []box, sizes []vg.Point, area box) []box {
	places := make([][]box, len(dots))
	for i := range dots {
		if places[i] = candidates(dots[i], sizes[i], area); len(places[i]) == 0 {
			// The area is smaller than the label: its middle is as good as anything.
			c := area.centre()
			places[i] = []box{{c.X - sizes[i].X/2, c.Y - sizes[i].Y/2, c.X + sizes[i].X/2, c.Y + sizes[i].Y/2}}
		}
	}
	const tries = 16
	random := rand.New(rand.NewPCG(1, 2)) // the same figure each time
	var best []box
	least := math.Inf(1)
	for try := range tries {
		at := make([]box, len(dots))
		for i, p := range places {
			at[i] = p[0]
			if try > 0 {
				at[i] = p[random.IntN(len(p))]
			}
		}
		settle(dots, places, at, random.Perm(len(dots)))
		sum := 0.0
		for i := range at {
			sum += cost(i, at[i], dots, at)
		}
		if sum < least {
			best, least = at, sum
		}
	}
	return best
}

// settle moves labels, in the given order, to their best places until none moves any more.
func settle(dots []box, places [][]box, at []box, order []int) {
	const rounds = 40
	for range rounds {
		moved := false
		for _, i := range order {
			best, least := at[i], cost(i, at[i], dots, at)
			for _, p := range places[i] {
				if c := cost(i, p, dots, at); c < least-1e-9 {
					best, least, moved = p, c, true
				}
			}
			at[i] = best
		}
		if !moved {
			return
		}
	}
}

// cost of a place for label i: covering something weighs more than any distance.
func cost(i int, place box, dots, at []box) float64 {
	const cover, crossing, through = 1000, 60, 150
	dot := dots[i].centre()
	to := line{dot, place.nearest(dot)}
	sum := float64(distance(to.a, to.b))
	for j := range dots {
		sum += cover * place.grown(0.8).overlap(dots[j])
		if j == i {
			continue
		}
		sum += cover * place.grown(0.8).overlap(at[j])
		other := dots[j].centre()
		theirs := line{other, at[j].nearest(other)}
		// A label beside another dot than its own is read as that dot's.
		if beside := distance(other, place.nearest(other)); beside < 3*dotRadius && beside < distance(to.a, to.b)+dotRadius {
			sum += through * float64(1-beside/(3*dotRadius))
		}
		if to.crosses(theirs) {
			sum += crossing
		}
		// A line that passes another dot or label seems to belong to it. Dots on one another can't be told apart.
		if to.through(at[j]) || theirs.through(place) || (distance(dot, other) > dotRadius && to.through(dots[j])) {
			sum += through
		}
	}
	return sum
}
