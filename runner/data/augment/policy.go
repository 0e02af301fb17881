package augment

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"dtl-tf/graph/spell"
)

// None is the policy that changes nothing.
const None = "none"

// Policy lists the augmentations of a run. The zero value changes nothing.
type Policy struct {
	Crop           *Crop        // nil: the whole image
	FlipCrop       bool         // see canvas.flipCrop
	Flip           float64      // probability
	Rand           *RandAugment // nil: none
	Erase          float64      // probability of erasing a box
	Mixup          float64      // parameter of the beta distribution; 0: none
	CutMix         float64      // the same
	LabelSmoothing float64      // share of the target that all classes have in common
}

// names lists the augmentations, in the order of String and of help texts.
func names() []string {
	return []string{None, "flip-crop", "crop", "flip", "randaugment", "random-erasing", "mixup", "cutmix", "label-smoothing"}
}

// Parse parses a list of augmentations separated by commas, such as crop=0.08-1,flip,rand-m9-mstd0.5-inc1,mixup=0.2. "" is None.
func Parse(text string) (p Policy, err error) {
	if text == "" || text == None {
		return p, nil
	}
	seen := map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		name, value, hasValue := strings.Cut(strings.TrimSpace(item), "=")
		key := name
		if name == "rand" || strings.HasPrefix(name, "rand-") {
			key = "randaugment"
		}
		switch {
		case seen[key]:
			return p, fmt.Errorf("%s is there twice", name)
		case hasValue && value == "":
			return p, fmt.Errorf("%s= needs a value", name)
		}
		seen[key] = true
		if err := p.set(name, key, value); err != nil {
			return p, err
		}
	}
	if p.FlipCrop && (p.Flip > 0 || p.Crop != nil) {
		return p, errors.New("flip-crop already flips and crops: leave out flip and crop, or flip-crop")
	}
	return p, nil
}

// set adds one augmentation.
func (p *Policy) set(name, key, value string) (err error) {
	// A probability of an augmentation that is asked for is above 0, and so is a parameter of Beta.
	given := func(to *float64, example string, most float64) error {
		if value == "" {
			return fmt.Errorf("%s needs a number, such as %s=%s", name, name, example)
		}
		if err := number(name, value, to, 0, most, false); err != nil {
			return err
		}
		if *to == 0 {
			return fmt.Errorf("%s=%s has no effect: leave it out", name, value)
		}
		return nil
	}
	switch key {
	case "flip":
		if p.Flip = 0.5; value != "" {
			return given(&p.Flip, "0.5", 1)
		}
		return nil
	case "crop":
		p.Crop, err = parseCrop(value)
		return err
	case "random-erasing":
		return given(&p.Erase, "0.25", 1)
	case "mixup":
		return given(&p.Mixup, "0.2", 100)
	case "cutmix":
		return given(&p.CutMix, "1.0", 100)
	case "label-smoothing":
		if err := given(&p.LabelSmoothing, "0.1", 1); err != nil || p.LabelSmoothing < 1 {
			return err
		}
		return errors.New("label-smoothing=1 leaves nothing of the labels: it must be below 1")
	}
	switch {
	case key != "randaugment" && !slices.Contains(names(), key):
		return unknown(name)
	case value != "":
		return fmt.Errorf("%s takes no value, and =%s was given", name, value)
	case key == None:
		return errors.New("none contradicts the other augmentations")
	case key == "flip-crop":
		p.FlipCrop = true
		return nil
	case name == key:
		name = Common
	}
	p.Rand, err = parseRand(name)
	return err
}

// unknown is the error for an unknown augmentation, with the nearest one.
func unknown(name string) error {
	best, distance := spell.Nearest(name, names())
	guess := ""
	if distance <= len(name)/2+1 {
		guess = fmt.Sprintf(", did you mean %q?", best)
	}
	return fmt.Errorf("%q is not an augmentation%s (known: %s, and timm's names such as %s)", name, guess, strings.Join(names(), ", "), Common)
}

// parseCrop parses SCALE:RATIO, both ranges and both optional.
func parseCrop(value string) (*Crop, error) {
	c := &Crop{Scale: usualScale, Ratio: usualRatio}
	scale, ratio, _ := strings.Cut(value, ":")
	if err := c.Scale.parse("crop: the scale", scale, 1); err != nil {
		return nil, err
	}
	return c, c.Ratio.parse("crop: the ratio", ratio, 100)
}

// parse parses LOW-HIGH, unless the text is empty. The numbers may be fractions such as 3/4.
func (g *Range) parse(what, text string, most float64) error {
	if text == "" {
		return nil
	}
	low, high, ok := strings.Cut(text, "-")
	a, errA := fraction(low)
	b, errB := fraction(high)
	switch {
	case !ok || errA != nil || errB != nil:
		return fmt.Errorf("%s %q is not a range such as 0.08-1", what, text)
	case !(a > 0 && a <= b && b <= most):
		return fmt.Errorf("%s %s is out of range: it must rise, from above 0 to at most %v", what, text, most)
	}
	*g = Range{a, b}
	return nil
}

func fraction(text string) (float64, error) {
	above, below, ok := strings.Cut(text, "/")
	v, err := strconv.ParseFloat(above, 64)
	if err != nil || !ok {
		return v, err
	}
	d, err := strconv.ParseFloat(below, 64)
	return v / d, err
}

// String is the list with all values, which Parse reads.
func (p Policy) String() string {
	var list []string
	add := func(name string, v float64) {
		if v > 0 {
			list = append(list, name+"="+decimal(v))
		}
	}
	if p.FlipCrop {
		list = append(list, "flip-crop")
	}
	if c := p.Crop; c != nil {
		list = append(list, "crop="+decimal(c.Scale.Low)+"-"+decimal(c.Scale.High)+":"+decimal(c.Ratio.Low)+"-"+decimal(c.Ratio.High))
	}
	add("flip", p.Flip)
	if p.Rand != nil {
		list = append(list, p.Rand.String())
	}
	add("random-erasing", p.Erase)
	add("mixup", p.Mixup)
	add("cutmix", p.CutMix)
	add("label-smoothing", p.LabelSmoothing)
	if len(list) == 0 {
		return None
	}
	return strings.Join(list, ",")
}

// decimal is a number without an exponent, whose dash would divide it.
func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// ChangesImages reports whether an image differs from epoch to epoch before its batch is mixed.
func (p Policy) ChangesImages() bool {
	return p.Crop != nil || p.FlipCrop || p.Flip > 0 || p.Rand != nil || p.Erase > 0
}

// Mixes reports whether the images of a batch are mixed.
func (p Policy) Mixes() bool { return p.Mixup > 0 || p.CutMix > 0 }

// Soft reports whether the targets are probabilities of all classes: see Targets.
func (p Policy) Soft() bool { return p.Mixes() || p.LabelSmoothing > 0 }

// Apply changes an image that has been cropped and resized, in place or into spare, which has its size, and returns the one of the
// two buffers that has the result. The fill colour is that of pixels from outside of the image.
func (p Policy) Apply(m Image, spare []uint8, fill [3]uint8, r *rand.Rand) (result []uint8) {
	c := newCanvas(m, fill, spare)
	if p.FlipCrop {
		c.flipCrop(r)
	}
	if p.Flip > 0 && r.Float64() < p.Flip {
		c.flip()
	}
	if p.Rand != nil {
		p.Rand.apply(c, r)
	}
	if p.Erase > 0 {
		c.erase(p.Erase, r)
	}
	return c.Pix
}
