package result

import "fmt"

// Difference is a setting in which two records differ, and its values.
type Difference struct {
	Setting       string
	First, Second string
}

// Difference returns the first thing that makes two backbones compute differently: the file, or what flags set beside it. nil if there is
// none. What one of them lacks, as records of earlier versions do, is no difference.
func (b Backbone) Difference(other Backbone) *Difference {
	list := func(v []float64) string {
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	number := func(v int) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprint(v)
	}
	real := func(v float64) string {
		if v == 0 {
			return ""
		}
		return fmt.Sprint(v)
	}
	for _, d := range []Difference{
		{"the image size", number(b.ImageSize), number(other.ImageSize)},
		{"the mean", list(b.Mean), list(other.Mean)},
		{"the std", list(b.Std), list(other.Std)},
		{"the number of heads", number(b.Heads), number(other.Heads)},
		{"layer_norm_eps", real(b.Eps), real(other.Eps)},
	} {
		if d.First != "" && d.Second != "" && d.First != d.Second {
			return &d
		}
	}
	if b.SHA256 != other.SHA256 {
		return &Difference{"the backbone of sha256", b.SHA256, other.SHA256}
	}
	return nil
}
