package likeness

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/image/draw"

	"dtl-tf/graph/expect"
)

// scene draws a picture of a few random discs on a random gradient.
func scene(seed uint64, height, width int) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 1))
	type disc struct {
		y, x, radius float64
		c            [3]float64
	}
	colour := func() [3]float64 { return [3]float64{255 * r.Float64(), 255 * r.Float64(), 255 * r.Float64()} }
	discs := make([]disc, 8)
	for i := range discs {
		discs[i] = disc{r.Float64(), r.Float64(), 0.1 + 0.2*r.Float64(), colour()}
	}
	top, bottom := colour(), colour()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			v, u := (float64(y)+0.5)/float64(height), (float64(x)+0.5)/float64(width)
			c := [3]float64{}
			for i := range c {
				c[i] = top[i]*(1-v) + bottom[i]*v
			}
			for _, d := range discs {
				if math.Hypot(v-d.y, u-d.x) < d.radius {
					c = d.c
				}
			}
			m.SetRGBA(x, y, color.RGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), 255})
		}
	}
	return m
}

func of(m image.Image) *Print {
	b := m.Bounds()
	pix := make([]uint8, 0, 3*b.Dx()*b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, b, _ := m.At(x, y).RGBA()
			pix = append(pix, uint8(r>>8), uint8(g>>8), uint8(b>>8))
		}
	}
	p := Of(pix, b.Dy(), b.Dx())
	return &p
}

// TestCopies: copies that are scaled, compressed or brightened look like their pictures, and other pictures do not.
func TestCopies(t *testing.T) {
	const n = 20
	scaled := func(m image.Image, height, width int) image.Image {
		out := image.NewRGBA(image.Rect(0, 0, width, height))
		draw.CatmullRom.Scale(out, out.Bounds(), m, m.Bounds(), draw.Src, nil)
		return out
	}
	for name, change := range map[string]func(m *image.RGBA) image.Image{
		"half":      func(m *image.RGBA) image.Image { return scaled(m, 48, 64) },
		"large":     func(m *image.RGBA) image.Image { return scaled(m, 600, 800) }, // lines are left out
		"squeezed":  func(m *image.RGBA) image.Image { return scaled(m, 32, 32) },
		"one level": func(m *image.RGBA) image.Image { return scaled(m, 97, 131) },
		"compressed": func(m *image.RGBA) image.Image {
			var b bytes.Buffer
			expect.NoError(t, jpeg.Encode(&b, m, &jpeg.Options{Quality: 20}))
			out, err := jpeg.Decode(&b)
			expect.NoError(t, err)
			return out
		},
		"dark": func(m *image.RGBA) image.Image {
			for i, v := range m.Pix {
				m.Pix[i] = uint8(20 + int(v)/2)
			}
			return m
		},
	} {
		index := NewIndex()
		for i := range n {
			index.Add(of(scene(uint64(i), 96, 128)))
		}
		any := func(int) bool { return true }
		for i := range n {
			if at := index.Alike(of(change(scene(uint64(i), 96, 128))), n, any); at != i {
				t.Errorf("%s: picture %d is like %d", name, i, at)
			}
			if at := index.Alike(of(scene(uint64(n+i), 96, 128)), n, any); at >= 0 {
				t.Errorf("%s: another picture, %d, is like %d", name, n+i, at)
			}
		}
	}
}

// TestHorizons: pictures that have their sky and their ground in common are not alike.
func TestHorizons(t *testing.T) {
	horizon := func(seed uint64) *Print {
		r := rand.New(rand.NewPCG(seed, 9))
		m := image.NewGray(image.Rect(0, 0, 64, 64))
		boat, width := r.IntN(56), 2+r.IntN(5)
		for y := range 64 {
			for x := range 64 {
				v := 220 - y
				if y > 40 {
					v = 60 + y/2
				}
				if y > 34 && y < 42 && x >= boat && x < boat+width {
					v = 20
				}
				m.SetGray(x, y, color.Gray{uint8(v)})
			}
		}
		return of(m)
	}
	first := horizon(0)
	if first.Plain() || !lookAlike(first, horizon(0)) {
		t.Fatal("a picture is not like itself")
	}
	for seed := range uint64(20) {
		if seed > 0 && lookAlike(first, horizon(seed)) {
			t.Errorf("picture %d is like the first", seed)
		}
	}
}

// TestIndex: the smallest accepted number below the limit is found.
func TestIndex(t *testing.T) {
	p := of(scene(1, 64, 64))
	index := NewIndex()
	for range 9 {
		index.Add(p)
	}
	for _, c := range []struct{ limit, from, want int }{{9, 0, 0}, {9, 4, 4}, {4, 4, -1}, {0, 0, -1}, {9, 9, -1}} {
		if got := index.Alike(p, c.limit, func(at int) bool { return at >= c.from }); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

// TestStrongSigns: no pair that correlates is lost by the comparison of strong signs.
func TestStrongSigns(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	alike := 0
	for i := range 300 {
		m := scene(uint64(i), 32, 32)
		a := of(m)
		for at := range m.Pix {
			m.Pix[at] = uint8(min(max(float64(m.Pix[at])+float64(i%60)*r.NormFloat64(), 0), 255))
		}
		b := of(m)
		sum := 0
		for k, v := range a.small {
			sum += int(v) * int(b.small[k])
		}
		want := float64(sum) >= minCorrelation*a.length*b.length
		if lookAlike(a, b) != want {
			t.Errorf("picture %d: alike is not %v", i, want)
		}
		if want {
			alike++
		}
	}
	if alike < 50 || alike > 290 {
		t.Errorf("%d of 300 pairs are alike", alike)
	}
}

// TestFrequencies: the transform keeps lengths, as far as its frequencies go, and a cosine has a single one.
func TestFrequencies(t *testing.T) {
	small := make([]float64, levels)
	for y := range rows {
		for x := range columns {
			small[y*columns+x] = math.Cos(math.Pi*2*(float64(y)+0.5)/rows) * math.Cos(math.Pi*(float64(x)+0.5)/columns)
		}
	}
	for i, v := range frequencies(small) {
		want := 0.0
		if cosines.order[i] == [2]int{2, 1} {
			want = math.Sqrt(rows * columns / 4)
		}
		if math.Abs(v-want) > 1e-9 {
			t.Errorf("frequency %v is %v, want %v", cosines.order[i], v, want)
		}
	}
}

// TestPlain: pictures of one grey are like none, and the smallest and longest pictures have prints.
func TestPlain(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 9, 9))
	p := of(grey)
	if !p.Plain() || lookAlike(p, p) {
		t.Error("a plain picture is like itself")
	}
	for _, size := range [][2]int{{1, 1}, {1, 3000}, {3000, 1}, {300, 513}} {
		p := of(scene(5, size[0], size[1]))
		if size[0] > 1 && size[1] > 1 && !lookAlike(p, p) {
			t.Errorf("%v: a picture is not like itself", size)
		}
	}
}

// TestAreas: the shares of a target add up to one, whatever the sizes.
func TestAreas(t *testing.T) {
	for _, c := range [][2]int{{1, 18}, {5, 16}, {16, 16}, {17, 16}, {1000, 18}} {
		sums := make([]float64, c[1])
		for _, targets := range areas(c[0], c[1]) {
			for _, a := range targets {
				sums[a.to] += a.weight
			}
		}
		for i, s := range sums {
			if math.Abs(s-1) > 1e-9 {
				t.Errorf("%v: target %d has %v", c, i, s)
			}
		}
	}
}
