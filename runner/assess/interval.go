package assess

import "math"

// normal95 is the 97.5 % quantile of the normal distribution, for intervals of 95 %.
const normal95 = 1.959963984540054

// Share is a number of images of a total, as a fraction with its 95 % interval.
type Share struct {
	Count int     `json:"count"`
	Of    int     `json:"of"`
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// ShareOf returns a share with Wilson's score interval (E. B. Wilson, Probable inference, the law of succession, and statistical
// inference, Journal of the American Statistical Association 22, 1927), which stays within 0 and 1 and holds for few images too. It
// regards the images as an independent sample, and says nothing about another training run. of must be above 0.
func ShareOf(count, of int) Share {
	n, z := float64(of), normal95
	p := float64(count) / n
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	s := Share{Count: count, Of: of, Value: p, Low: max(0, centre-half), High: min(1, centre+half)}
	if count == 0 {
		s.Low = 0 // without rounding
	}
	if count == of {
		s.High = 1
	}
	return s
}
