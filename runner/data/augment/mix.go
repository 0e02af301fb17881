package augment

import (
	"math"
	"math/rand/v2"
)

// Mixing is how a batch was mixed: image i is Lambda of itself and 1-Lambda of image B-1-i. Lambda is 1 where it was not mixed.
type Mixing struct {
	Lambda float64
	Box    Box // of CutMix: the pixels of the other image; empty for Mixup
}

// Mix mixes a batch [B, size, size, 3] in place, as timm's Mixup in its mode batch does on bytes: one draw for the batch, each image
// with its mirror image in the batch. If the policy has Mixup (Zhang et al. 2017) and CutMix (Yun et al. 2019), each takes half of the
// batches.
func (p Policy) Mix(images []uint8, size int, r *rand.Rand) Mixing {
	m := p.drawMixing(size, r)
	m.apply(images, size)
	return m
}

func (m Mixing) apply(images []uint8, size int) {
	n := size * size * 3
	for i, j := 0, len(images)/n-1; i < j && m.Lambda < 1; i, j = i+1, j-1 {
		a, b := images[i*n:(i+1)*n], images[j*n:(j+1)*n]
		if m.Box == (Box{}) {
			mixup(a, b, m.Lambda)
		} else {
			m.Box.swap(a, b, size)
		}
	}
}

// drawMixing draws how to mix a batch.
func (p Policy) drawMixing(size int, r *rand.Rand) Mixing {
	if p.Mixup == 0 && p.CutMix == 0 {
		return Mixing{Lambda: 1}
	}
	cut := p.CutMix > 0 && (p.Mixup == 0 || r.Float64() < 0.5)
	if !cut {
		return Mixing{Lambda: beta(p.Mixup, r)}
	}
	b := cutBox(beta(p.CutMix, r), size, r)
	// The exact share, because the box may be clipped.
	return Mixing{Lambda: 1 - float64(b.Height*b.Width)/float64(size*size), Box: b}
}

// mixup replaces a and b by their mixtures, in the float32 arithmetic of timm's FastCollateMixup.
func mixup(a, b []uint8, lambda float64) {
	// Of a byte times either share there are only 256.
	var mine, other [256]float32
	for v := range 256 {
		mine[v], other[v] = float32(v)*float32(lambda), float32(v)*float32(1-lambda)
	}
	for i, v := range a {
		w := b[i]
		a[i], b[i] = nearest(mine[v]+other[w]), nearest(mine[w]+other[v])
	}
}

// nearest rounds to the nearest byte, halves to the even one.
func nearest(v float32) uint8 { return uint8(math.RoundToEven(float64(v))) }

// cutBox draws the box of CutMix: its centre is anywhere and its sides are sqrt(1-lambda) of the image's, clipped at the border.
func cutBox(lambda float64, size int, r *rand.Rand) Box {
	side := int(float64(size) * math.Sqrt(1-lambda))
	cy, cx := r.IntN(size), r.IntN(size)
	clip := func(v int) int { return min(max(v, 0), size) }
	top, left := clip(cy-side/2), clip(cx-side/2)
	return Box{Top: top, Left: left, Height: clip(cy+(side+1)/2) - top, Width: clip(cx+(side+1)/2) - left}
}

// swap exchanges the pixels of two images inside the box.
func (b Box) swap(x, y []uint8, width int) {
	for at := b.Top; at < b.Top+b.Height; at++ {
		p, q := row(x, width, at)[3*b.Left:3*(b.Left+b.Width)], row(y, width, at)[3*b.Left:3*(b.Left+b.Width)]
		for i := range p {
			p[i], q[i] = q[i], p[i]
		}
	}
}

// beta draws from Beta(a, a), as the share of one of two Gamma(a) numbers in their sum. Their logarithms keep it exact for a small a,
// where the numbers themselves underflow.
func beta(a float64, r *rand.Rand) float64 {
	return 1 / (1 + math.Exp(logGamma(a, r)-logGamma(a, r)))
}

// logGamma draws the logarithm of a Gamma(a) number by the method of Marsaglia and Tsang (2000), from Gamma(a+1) and a power of a
// uniform number.
func logGamma(a float64, r *rand.Rand) float64 {
	d := a + 1 - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-r.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return math.Log(d*v) + math.Log(1-r.Float64())/a
		}
	}
}
