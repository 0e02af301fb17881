package augment

import "math"

// operation is one of RandAugment's, under timm's name.
type operation struct {
	name string
	// argument turns a magnitude into the operation's argument, as the functions in LEVEL_TO_ARG of timm's auto_augment.py do. sign
	// is 1 or -1, at random; only those whose argument has a direction use it.
	argument func(magnitude, sign float64) float64
	apply    func(c *canvas, argument float64)
}

// maxLevel is the magnitude that the ranges of arguments refer to (_LEVEL_DENOM).
const maxLevel = 10

// operations lists all operations of RandAugment's sets.
func operations() []operation {
	none := func(_, _ float64) float64 { return 0 }
	signed := func(most float64) func(float64, float64) float64 {
		return func(m, sign float64) float64 { return sign * (m / maxLevel * most) }
	}
	// The factor of an increasing operation moves away from 1, which changes nothing; the other grows from 0.1 to 1.9.
	factor := func(m, _ float64) float64 { return m/maxLevel*1.8 + 0.1 }
	increasing := func(m, sign float64) float64 { return max(0.1, 1+sign*(m/maxLevel*0.9)) }
	return []operation{
		{"AutoContrast", none, func(c *canvas, _ float64) { c.autoContrast() }},
		{"Equalize", none, func(c *canvas, _ float64) { c.equalize() }},
		{"Invert", none, func(c *canvas, _ float64) { c.invert() }},
		{"Rotate", signed(30), (*canvas).rotate},
		{"Posterize", posterizeBits, (*canvas).posterize},
		{"PosterizeIncreasing", func(m, s float64) float64 { return 4 - posterizeBits(m, s) }, (*canvas).posterize},
		{"Solarize", solarizeThreshold, (*canvas).solarize},
		{"SolarizeIncreasing", func(m, s float64) float64 { return 256 - solarizeThreshold(m, s) }, (*canvas).solarize},
		{"SolarizeAdd", func(m, _ float64) float64 { return min(128, math.Trunc(m/maxLevel*110)) }, (*canvas).solarizeAdd},
		{"Color", factor, (*canvas).colour},
		{"ColorIncreasing", increasing, (*canvas).colour},
		{"Contrast", factor, (*canvas).contrast},
		{"ContrastIncreasing", increasing, (*canvas).contrast},
		{"Brightness", factor, (*canvas).brightness},
		{"BrightnessIncreasing", increasing, (*canvas).brightness},
		{"Sharpness", factor, (*canvas).sharpness},
		{"SharpnessIncreasing", increasing, (*canvas).sharpness},
		{"ShearX", signed(0.3), (*canvas).shearX},
		{"ShearY", signed(0.3), (*canvas).shearY},
		{"TranslateXRel", signed(0.45), (*canvas).translateX},
		{"TranslateYRel", signed(0.45), (*canvas).translateY},
		{"Desaturate", desaturation, func(c *canvas, share float64) { c.colour(min(1, max(0, 1-share))) }},
		{"GaussianBlur", blurRadius, (*canvas).blur},
	}
}

func posterizeBits(m, _ float64) float64     { return math.Trunc(m / maxLevel * 4) }
func solarizeThreshold(m, _ float64) float64 { return min(256, math.Trunc(m/maxLevel*256)) }
func desaturation(m, _ float64) float64      { return min(1, max(0.5, 0.5+(1-0.5)*(m/maxLevel))) }
func blurRadius(m, _ float64) float64        { return min(2, max(0.1, 0.1+(2-0.1)*(m/maxLevel))) }

// weighted is an operation with the weight of its being chosen; without weights all are 0.
type weighted struct {
	name   string
	weight float64
}

func equally(names ...string) []weighted {
	list := make([]weighted, len(names))
	for i, name := range names {
		list[i].name = name
	}
	return list
}

// The sets of operations of timm's auto_augment.py: _RAND_TRANSFORMS, _RAND_INCREASING_TRANSFORMS, _RAND_3A, _RAND_WEIGHTED_3A and
// _RAND_WEIGHTED_0.
func sets(increasing bool) map[string][]weighted {
	plain := equally("AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color", "Contrast",
		"Brightness", "Sharpness", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")
	if increasing {
		plain = equally("AutoContrast", "Equalize", "Invert", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing", "SolarizeAdd",
			"ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing", "SharpnessIncreasing", "ShearX", "ShearY",
			"TranslateXRel", "TranslateYRel")
	}
	return map[string][]weighted{
		"":   plain,
		"3a": equally("SolarizeIncreasing", "Desaturate", "GaussianBlur"),
		"3aw": {
			{"SolarizeIncreasing", 6}, {"Desaturate", 6}, {"GaussianBlur", 6}, {"Rotate", 3}, {"ShearX", 2}, {"ShearY", 2},
			{"PosterizeIncreasing", 1}, {"AutoContrast", 1}, {"ColorIncreasing", 1}, {"SharpnessIncreasing", 1},
			{"ContrastIncreasing", 1}, {"BrightnessIncreasing", 1}, {"Equalize", 1}, {"Invert", 1},
		},
		"weights": {
			{"Rotate", 3}, {"ShearX", 2}, {"ShearY", 2}, {"TranslateXRel", 1}, {"TranslateYRel", 1}, {"ColorIncreasing", 0.25},
			{"SharpnessIncreasing", 0.25}, {"AutoContrast", 0.25}, {"SolarizeIncreasing", 0.05}, {"SolarizeAdd", 0.05},
			{"ContrastIncreasing", 0.05}, {"BrightnessIncreasing", 0.05}, {"Equalize", 0.05}, {"PosterizeIncreasing", 0.05},
			{"Invert", 0.05},
		},
	}
}
