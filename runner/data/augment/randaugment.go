package augment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Common is the RandAugment that `randaugment` stands for, the usual one in recipes for fine-tuning.
const Common = "rand-m9-mstd0.5-inc1"

// RandAugment applies random operations to an image (Cubuk et al. 2019, with timm's additions).
type RandAugment struct {
	Magnitude    float64 // of the operations, 0 to Most
	Most         float64 // upper limit of random magnitudes
	Deviation    float64 // of normal magnitudes; 0: always Magnitude, infinite: uniform in 0..Magnitude
	Operations   int     // drawn for an image
	Probability  float64 // of each drawn operation
	Increasing   bool    // operations whose effect grows with the magnitude
	Set          string  // "", weights, 3a or 3aw
	choices      []choice
	totalWeights float64 // 0: all operations are drawn with equal probability, and may be drawn again
}

type choice struct {
	operation
	weight float64
}

// maxMagnitude bounds mmax, far above the 30 of the paper's largest models.
const maxMagnitude = 100

var section = regexp.MustCompile(`^([a-z]+)([0-9].*)?$`)

// parseRand parses timm's description of a RandAugment, such as rand-m9-mstd0.5-inc1.
func parseRand(text string) (*RandAugment, error) {
	ra := &RandAugment{Magnitude: maxLevel, Most: maxLevel, Operations: 2, Probability: 0.5}
	seen := map[string]bool{}
	for _, part := range strings.Split(text, "-")[1:] {
		key, value := "t", ""
		if set, ok := strings.CutPrefix(part, "t"); ok {
			value = set
		} else if m := section.FindStringSubmatch(part); m != nil {
			key, value = m[1], m[2]
		} else {
			key = part
		}
		if seen[key] {
			return nil, fmt.Errorf("%s: %s is there twice", text, key)
		}
		seen[key] = true
		if err := ra.set(key, value); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	if ra.Magnitude > ra.Most {
		return nil, fmt.Errorf("%s: the magnitude m%v is out of range: it must be at most %v (-mmax%v raises the limit)", text, ra.Magnitude, ra.Most, ra.Magnitude)
	}
	return ra, ra.choose(text)
}

// set sets one section of the description.
func (ra *RandAugment) set(key, value string) error {
	whole := func(to *float64, low, high float64) error { return number(key, value, to, low, high, true) }
	var v float64
	switch key {
	case "m":
		return whole(&ra.Magnitude, 0, maxMagnitude)
	case "mmax":
		return whole(&ra.Most, 1, maxMagnitude)
	case "n":
		err := whole(&v, 1, 15)
		ra.Operations = int(v)
		return err
	case "inc":
		err := whole(&v, 0, 1)
		ra.Increasing = v == 1
		return err
	case "p":
		return number(key, value, &ra.Probability, 0, 1, false)
	case "mstd":
		err := number(key, value, &ra.Deviation, 0, 1e9, false)
		if ra.Deviation > 100 { // as in timm
			ra.Deviation = math.Inf(1)
		}
		return err
	case "t":
		ra.Set = value
		if _, ok := sets(false)[value]; !ok || value == "" {
			return fmt.Errorf("unknown set of operations t%s: want tweights, t3a or t3aw", value)
		}
		return nil
	}
	return fmt.Errorf("unknown section %q: want m, mmax, mstd, n, p or inc with a number, or t with the name of a set", key)
}

// number parses a number of the range low..high.
func number(key, text string, to *float64, low, high float64, whole bool) error {
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case text == "":
		return fmt.Errorf("%s needs a number", key)
	case err != nil:
		return fmt.Errorf("%s: %q is not a number", key, text)
	case !(v >= low && v <= high):
		return fmt.Errorf("%s: %s is out of range: it must be at least %v and at most %v", key, text, low, high)
	case whole && v != math.Trunc(v):
		return fmt.Errorf("%s: %s is not a whole number", key, text)
	}
	*to = v
	return nil
}

// choose looks up the operations of the set.
func (ra *RandAugment) choose(text string) error {
	all := operations()
	for _, w := range sets(ra.Increasing)[ra.Set] {
		i := slices.IndexFunc(all, func(o operation) bool { return o.name == w.name })
		ra.choices = append(ra.choices, choice{all[i], w.weight})
		ra.totalWeights += w.weight
	}
	if ra.totalWeights > 0 && ra.Operations > len(ra.choices) {
		return fmt.Errorf("%s: n%d is more than the %d operations of the set, none of which is drawn twice", text, ra.Operations, len(ra.choices))
	}
	return nil
}

// String is the description with all values.
func (ra *RandAugment) String() string {
	text := fmt.Sprintf("rand-m%s-n%d-p%s", decimal(ra.Magnitude), ra.Operations, decimal(ra.Probability))
	switch {
	case math.IsInf(ra.Deviation, 1):
		text += "-mstd101"
	case ra.Deviation > 0:
		text += "-mstd" + decimal(ra.Deviation)
	}
	if ra.Most != maxLevel {
		text += "-mmax" + decimal(ra.Most)
	}
	if ra.Increasing {
		text += "-inc1"
	}
	if ra.Set != "" {
		text += "-t" + ra.Set
	}
	return text
}

// apply draws operations and applies them.
func (ra *RandAugment) apply(c *canvas, r *rand.Rand) {
	var drawn [15]int
	for _, i := range ra.draw(drawn[:0], r) {
		if ra.Probability < 1 && r.Float64() > ra.Probability {
			continue
		}
		sign := 1.0
		magnitude := ra.level(r)
		if r.Float64() > 0.5 {
			sign = -1
		}
		o := ra.choices[i].operation
		o.apply(c, o.argument(magnitude, sign))
	}
}

// level draws a magnitude.
func (ra *RandAugment) level(r *rand.Rand) float64 {
	m := ra.Magnitude
	switch {
	case math.IsInf(ra.Deviation, 1):
		m *= r.Float64()
	case ra.Deviation > 0:
		m += ra.Deviation * r.NormFloat64()
	}
	return max(0, min(m, ra.Most))
}

// draw appends the indices of the operations for an image: with equal probabilities, or by weight and none twice.
func (ra *RandAugment) draw(list []int, r *rand.Rand) []int {
	if ra.totalWeights == 0 {
		for range ra.Operations {
			list = append(list, r.IntN(len(ra.choices)))
		}
		return list
	}
	left := ra.totalWeights
	for len(list) < ra.Operations {
		at, chosen := r.Float64()*left, -1
		for i, c := range ra.choices {
			if slices.Contains(list, i) {
				continue
			}
			chosen = i // the last one, should rounding leave a remainder
			if at -= c.weight; at < 0 {
				break
			}
		}
		list = append(list, chosen)
		left -= ra.choices[chosen].weight
	}
	return list
}
