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
	for _, d := range []Difference{
		{"the image size", known(b.ImageSize, b.ImageSize != 0), known(other.ImageSize, other.ImageSize != 0)},
		{"the mean", known(b.Mean, b.Mean != nil), known(other.Mean, other.Mean != nil)},
		{"the std", known(b.Std, b.Std != nil), known(other.Std, other.Std != nil)},
		{"the number of heads", known(b.Heads, b.Heads != 0), known(other.Heads, other.Heads != 0)},
		{"layer_norm_eps", known(b.Eps, b.Eps != 0), known(other.Eps, other.Eps != 0)},
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

// known is a value as text, "" if a record lacks it.
func known(value any, there bool) string {
	if !there {
		return ""
	}
	return fmt.Sprint(value)
}
