package augment

import (
	"testing"

	"dtl-tf/graph/expect"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"": "none", "none": "none", "flip-crop": "flip-crop", "flip": "flip=0.5", "flip=0.3": "flip=0.3",
		"crop":                    "crop=0.08-1:0.75-1.3333333333333333",
		"crop=0.5-0.9":            "crop=0.5-0.9:0.75-1.3333333333333333",
		"crop=:1-1":               "crop=0.08-1:1-1",
		"crop=0.2-1:1/2-2/1":      "crop=0.2-1:0.5-2",
		"randaugment":             "rand-m9-n2-p0.5-mstd0.5-inc1",
		"rand":                    "rand-m10-n2-p0.5",
		"rand-m9-mstd0.5-inc1":    "rand-m9-n2-p0.5-mstd0.5-inc1",
		"rand-inc1-n3-p1-mmax20":  "rand-m10-n3-p1-mmax20-inc1",
		"rand-mstd1000-t3aw":      "rand-m10-n2-p0.5-mstd101-t3aw",
		"rand-m9, flip ,crop":     "crop=0.08-1:0.75-1.3333333333333333,flip=0.5,rand-m9-n2-p0.5",
		"mixup=0.2,cutmix=1.0":    "mixup=0.2,cutmix=1",
		"label-smoothing=0.1":     "label-smoothing=0.1",
		"flip,random-erasing=.25": "flip=0.5,random-erasing=0.25",
		"crop=0.00005-1":          "crop=0.00005-1:0.75-1.3333333333333333",
		"rand-m9-mstd0.00005":     "rand-m9-n2-p0.5-mstd0.00005",
	} {
		p, err := Parse(text)
		expect.NoError(t, err)
		if got := p.String(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if again, err := Parse(p.String()); err != nil || again.String() != want {
			t.Errorf("%s does not survive: %s, %v", want, again, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string][]string{
		"rotate":                {`"rotate" is not an augmentation`, "randaugment", Common},
		"mixupp=0.2":            {`"mixupp"`, `did you mean "mixup"?`},
		"labelsmoothing=0.1":    {`did you mean "label-smoothing"?`},
		"flipcrop":              {`did you mean "flip-crop"?`},
		"flip,flip":             {"flip is there twice"},
		"randaugment,rand-m9":   {"rand-m9 is there twice"},
		"none,flip":             {"none contradicts"},
		"flip,flip-crop":        {"flip-crop already flips"},
		"crop,flip-crop":        {"flip-crop already flips"},
		"mixup":                 {"mixup needs a number, such as mixup=0.2"},
		"mixup=0":               {"mixup=0 has no effect"},
		"mixup=":                {"mixup= needs a value"},
		"mixup=-1":              {"mixup: -1 is out of range"},
		"cutmix=nan":            {"cutmix: nan is out of range"},
		"cutmix=x":              {`"x" is not a number`},
		"label-smoothing=1":     {"it must be below 1"},
		"label-smoothing=1.5":   {"1.5 is out of range"},
		"random-erasing=2":      {"2 is out of range", "at most 1"},
		"flip=2":                {"flip: 2 is out of range"},
		"flip-crop=2":           {"flip-crop takes no value"},
		"randaugment=9":         {"randaugment takes no value"},
		"rand-m11":              {"the magnitude m11 is out of range: it must be at most 10", "-mmax11 raises the limit"},
		"rand-m9-mmax200":       {"mmax: 200 is out of range"},
		"rand-m9.5":             {"9.5 is not a whole number"},
		"rand-m-5":              {"m needs a number"},
		"rand-m9-m8":            {"m is there twice"},
		"rand-m9-q3":            {`unknown section "q"`},
		"rand-m9-mstd0.5-inc":   {"inc needs a number"},
		"rand-m9-n0":            {"n: 0 is out of range"},
		"rand-n4-t3a":           nil, // drawn again
		"rand-n15-t3aw":         {"n15 is more than the 14 operations"},
		"rand-p2":               {"p: 2 is out of range"},
		"rand-tfoo":             {"unknown set of operations tfoo"},
		"rand-t":                {"unknown set of operations t"},
		"rand-m9-m":             {"m is there twice"},
		"crop=0.5":              {`the scale "0.5" is not a range such as 0.08-1`},
		"crop=0.9-0.5":          {"crop: the scale 0.9-0.5 is out of range"},
		"crop=0.08-2":           {"crop: the scale 0.08-2 is out of range", "at most 1"},
		"crop=0.08-1:0-1":       {"crop: the ratio 0-1 is out of range"},
		"crop=0.08-1:1/0-1":     {"crop: the ratio 1/0-1 is out of range"},
		"crop=a-b":              {"is not a range"},
		"flip,":                 {`"" is not an augmentation`},
		"rand-m9-mstd0.5-inc1-": {`unknown section ""`},
	} {
		_, err := Parse(text)
		if want == nil {
			expect.NoError(t, err)
			continue
		}
		expect.Error(t, err, want...)
	}
}
