package augment

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"testing"
)

// TestOperations wants the very bytes of Pillow, and the arguments of timm's operations.
func TestOperations(t *testing.T) {
	var head struct {
		Fill  [3]uint8
		Cases []struct {
			Name          string
			Magnitude     float64
			Negate        bool
			Argument      float64
			Height, Width int
			Kind, SHA256  string
		}
	}
	take := readVectors(t, "operations.gz", &head)
	all := operations()
	tested := map[string]int{}
	for _, c := range head.Cases {
		i := slices.IndexFunc(all, func(o operation) bool { return o.name == c.Name })
		if i < 0 {
			t.Fatalf("there is no operation %s", c.Name)
		}
		sign := 1.0
		if c.Negate {
			sign = -1
		}
		if got := all[i].argument(c.Magnitude, sign); math.Abs(got-c.Argument) > 1e-12 {
			t.Errorf("%s of magnitude %v, sign %v: argument %v, want %v", c.Name, c.Magnitude, sign, got, c.Argument)
		}
		m := drawn(c.Height, c.Width, c.Kind)
		work := newCanvas(m, head.Fill, make([]uint8, len(m.Pix)))
		all[i].apply(work, all[i].argument(c.Magnitude, sign))
		sum := sha256.Sum256(work.Pix)
		switch {
		case c.SHA256 == "":
			want := take(len(m.Pix))
			if at := firstDifference(work.Pix, want); at >= 0 {
				t.Errorf("%s %v of %d x %d %s: value %d is %d, want %d", c.Name, c.Argument, c.Height, c.Width, c.Kind, at, work.Pix[at], want[at])
			}
		case hex.EncodeToString(sum[:]) != c.SHA256:
			t.Errorf("%s %v of %d x %d %s: not Pillow's bytes", c.Name, c.Argument, c.Height, c.Width, c.Kind)
		}
		tested[c.Name]++
	}
	for _, o := range all {
		if tested[o.name] < 30 {
			t.Errorf("%s is tested %d times", o.name, tested[o.name])
		}
	}
}

func firstDifference(a, b []uint8) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return -1
}

func BenchmarkOperations(b *testing.B) {
	for _, o := range operations() {
		b.Run(o.name, func(b *testing.B) {
			m := drawn(224, 224, "noise")
			c := newCanvas(m, [3]uint8{}, make([]uint8, len(m.Pix)))
			argument := o.argument(9, 1)
			for b.Loop() {
				o.apply(c, argument)
			}
		})
	}
}

// BenchmarkRandAugment is the mean over what it draws for an image of 224 pixels.
func BenchmarkRandAugment(b *testing.B) {
	p, err := Parse("randaugment")
	if err != nil {
		b.Fatal(err)
	}
	m := drawn(224, 224, "noise")
	spare, r := make([]uint8, len(m.Pix)), generator(1)
	for b.Loop() {
		p.Apply(m, spare, [3]uint8{}, r)
	}
}
