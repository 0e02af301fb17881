package augment

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// TestBoxes compares the boxes that are drawn with timm's: means and deviations of position, size and area.
func TestBoxes(t *testing.T) {
	var cases []struct {
		Kind            string
		Height, Width   int
		Range           [4]float64
		Mean, Deviation [5]float64
	}
	text, err := os.ReadFile("testdata/draws.json")
	if err == nil {
		err = json.Unmarshal(text, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	const n = 50_000
	for _, c := range cases {
		r := generator(7)
		var sum, square [5]float64
		for range n {
			var b Box
			switch c.Kind {
			case "crop":
				b = Crop{Range{c.Range[0], c.Range[1]}, Range{c.Range[2], c.Range[3]}}.Box(c.Height, c.Width, r)
			case "erase":
				b = eraseBox(c.Height, c.Width, r)
			case "cut":
				b = cutBox(beta(1, r), c.Width, r)
			}
			if b.Top < 0 || b.Left < 0 || b.Top+b.Height > c.Height || b.Left+b.Width > c.Width {
				t.Fatalf("%s: %+v leaves the image", c.Kind, b)
			}
			for i, v := range []int{b.Top, b.Left, b.Height, b.Width, b.Height * b.Width} {
				sum[i] += float64(v)
				square[i] += float64(v) * float64(v)
			}
		}
		for i := range sum {
			mean := sum[i] / n
			deviation := math.Sqrt(square[i]/n - mean*mean)
			// timm's own draws are 20,000 at least.
			limit := 5 * c.Deviation[i] * math.Sqrt(1.0/n+1.0/20_000)
			if math.Abs(mean-c.Mean[i]) > limit || math.Abs(deviation/c.Deviation[i]-1) > 0.03 {
				t.Errorf("%s %d x %d, figure %d: %.3f +- %.3f, timm draws %.3f +- %.3f", c.Kind, c.Height, c.Width, i, mean, deviation, c.Mean[i], c.Deviation[i])
			}
		}
	}
}

// TestBoxFallback: where no permitted box fits in, it is the largest central one, never without pixels.
func TestBoxFallback(t *testing.T) {
	r := generator(1)
	c := Crop{Range{0.9, 1}, Range{1, 1}}
	for _, v := range []struct {
		height, width int
		want          Box
	}{{10, 30, Box{0, 10, 10, 10}}, {31, 10, Box{10, 0, 10, 10}}, {1, 100, Box{0, 49, 1, 1}}} {
		if got := c.Box(v.height, v.width, r); got != v.want {
			t.Errorf("%d x %d: %+v, want %+v", v.height, v.width, got, v.want)
		}
	}
}

// TestRandAugmentDraws: what is drawn has the probabilities of timm's set, for a plain one and a weighted one.
func TestRandAugmentDraws(t *testing.T) {
	const n = 60_000
	second := map[string]float64{} // of the last count
	count := func(text string) (map[string]float64, *RandAugment) {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		counts, r := map[string]float64{}, generator(2)
		clear(second)
		for range n {
			drawn := p.Rand.draw(nil, r)
			for k, i := range drawn {
				if name := p.Rand.choices[i].name; k == 0 {
					counts[name]++
				} else if k == 1 {
					second[name]++
				}
				if p.Rand.totalWeights > 0 && k > 0 && i == drawn[0] {
					t.Fatalf("%s: %d is drawn twice", text, i)
				}
			}
			if len(drawn) != p.Rand.Operations {
				t.Fatalf("%s: %d operations", text, len(drawn))
			}
		}
		return counts, p.Rand
	}
	counts, _ := count("rand-m9-inc1")
	for name, k := range counts {
		if math.Abs(k/n-1.0/15) > 0.005 {
			t.Errorf("%s is drawn first %v times of %d", name, k, n)
		}
	}
	if len(counts) != 15 {
		t.Errorf("%d operations are drawn", len(counts))
	}
	counts, ra := count("rand-m9-tweights")
	for _, c := range ra.choices {
		if want := c.weight / 10.05; math.Abs(counts[c.name]/n-want) > 0.01 { // the weights of _RAND_WEIGHTED_0 add up to 10.05
			t.Errorf("%s is drawn first %v times of %d, want the share %.3f", c.name, counts[c.name], n, want)
		}
		// It is drawn second, from what is left, if another one was drawn first.
		want := 0.0
		for _, first := range ra.choices {
			if first.name != c.name {
				want += first.weight / 10.05 * c.weight / (10.05 - first.weight)
			}
		}
		if math.Abs(second[c.name]/n-want) > 0.01 {
			t.Errorf("%s is drawn second %v times of %d, want the share %.3f", c.name, second[c.name], n, want)
		}
	}
}

// TestLevels: magnitudes are normal around the magnitude and clipped, or uniform.
func TestLevels(t *testing.T) {
	for text, want := range map[string][3]float64{ // mean, deviation, greatest
		"rand-m5-mstd0.5": {5, 0.5, 8}, "rand-m5": {5, 0, 5}, "rand-m8-mstd101": {4, 8 / math.Sqrt(12), 8},
		// Normal numbers clipped at their mean: the mean falls by 0.5/sqrt(2 pi).
		"rand-m10-mstd0.5":        {10 - 0.5/math.Sqrt(2*math.Pi), 0.5 * math.Sqrt(0.5-1/(2*math.Pi)), 10},
		"rand-m14-mstd0.5-mmax20": {14, 0.5, 17},
	} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		const n = 50_000
		r := generator(4)
		sum, square, most := 0.0, 0.0, 0.0
		for range n {
			v := p.Rand.level(r)
			sum, square, most = sum+v, square+v*v, max(most, v)
		}
		mean := sum / n
		deviation := math.Sqrt(max(0, square/n-mean*mean))
		if math.Abs(mean-want[0]) > 0.02+0.01*want[1] || math.Abs(deviation-want[1]) > 0.03 || most > want[2] {
			t.Errorf("%s: %.3f +- %.3f up to %.3f, want %v", text, mean, deviation, most, want)
		}
	}
}

// TestProbabilities counts how often images change.
func TestProbabilities(t *testing.T) {
	const n = 4000
	for text, want := range map[string]float64{"flip": 0.5, "flip=0.2": 0.2, "random-erasing=0.25": 0.25, "rand-m9-n1-p0.3-t3a": 0.3} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		changed, r := 0.0, generator(6)
		original := drawn(9, 12, "noise")
		for range n {
			m := drawn(9, 12, "noise")
			if firstDifference(p.Apply(m, make([]uint8, len(m.Pix)), [3]uint8{1, 2, 3}, r), original.Pix) >= 0 {
				changed++
			}
		}
		if math.Abs(changed/n-want) > 0.04 {
			t.Errorf("%s: %v of %d images changed", text, changed, n)
		}
	}
}
