package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Thousands shows an integer as 85,798,656.
func Thousands(v any) string {
	digits := fmt.Sprint(v)
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return sign + strings.Join(groups, ",")
}

// Fixed shows a number with so many digits after the point.
func Fixed(digits int) func(any) string {
	return func(v any) string { return fmt.Sprintf("%.*f", digits, v) }
}

// Significant shows a number with three significant digits, as a timing wants it: 0.0123, 1.23,
// 123, 1234.
func Significant(v any) string {
	f, ok := v.(float64)
	if !ok {
		return plain(v)
	}
	size := math.Abs(f)
	for digits, limit := range []float64{99.95, 9.995, 0.9995, 0.09995, 0.009995, 0.0009995} {
		if size >= limit {
			return strconv.FormatFloat(f, 'f', digits, 64)
		}
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}
