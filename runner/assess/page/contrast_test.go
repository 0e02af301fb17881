package page

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestNumbersAreLegible: a number in the confusion matrix has the contrast that WCAG 2 wants of text (4.5 to 1), whatever the shade of its
// cell, light and dark.
func TestNumbersAreLegible(t *testing.T) {
	style, err := os.ReadFile("page.html")
	expect.NoError(t, err)
	light, dark, _ := strings.Cut(string(style), "@media (prefers-color-scheme: dark)")
	channels := func(scheme, name string) (c [3]float64) {
		hex := regexp.MustCompile(`--` + name + `: #([0-9a-f]+);`).FindStringSubmatch(scheme)[1]
		if len(hex) == 3 {
			hex = strings.Join([]string{hex[:1], hex[:1], hex[1:2], hex[1:2], hex[2:], hex[2:]}, "")
		}
		var r, g, b int
		_, err := fmt.Sscanf(hex, "%02x%02x%02x", &r, &g, &b)
		expect.NoError(t, err)
		return [3]float64{float64(r), float64(g), float64(b)}
	}
	luminance := func(c [3]float64) (sum float64) { // of WCAG 2
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v := c[i] / 255
			if v <= 0.03928 {
				v /= 12.92
			} else {
				v = math.Pow((v+0.055)/1.055, 2.4)
			}
			sum += weight * v
		}
		return sum
	}
	for class, from := range reversed {
		for _, s := range []struct {
			name, css string
			from      float64
			white     bool // the number before it is reversed
		}{{"light", light, from.light, false}, {"dark", dark, from.dark, true}} {
			ground, colour := channels(s.css, "soft"), channels(s.css, class)
			for o := 0.12; o <= 1; o += 0.005 {
				var c [3]float64
				for i := range c {
					c[i] = o*colour[i] + (1-o)*ground[i]
				}
				l := luminance(c)
				contrast := (l + 0.05) / 0.05
				if s.white != (o >= s.from) {
					contrast = 1.05 / (l + 0.05)
				}
				if contrast < 4.5 {
					t.Errorf("%s, %s at %.3f: contrast %.2f", s.name, class, o, contrast)
				}
			}
		}
	}
}
