package swin

import (
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// TestNamed compares the sizes of the paper's networks with the parameters without head that timm counts (num_classes=0), which are
// the paper's (table 1) without the 1000-way head: 28.3 M - 769,000 for Swin-T, and so on.
func TestNamed(t *testing.T) {
	for name, want := range map[string]int{"swin_t": 27_519_354, "swin_s": 48_837_258, "swin_b": 86_743_224, "swin_l": 194_995_476} {
		a, err := backbone.Parse(name)
		expect.NoError(t, err)
		if got := backbone.Parameters(a); got != want {
			t.Errorf("%s has %d parameters, want %d", name, got, want)
		}
		again, err := backbone.Parse(a.String())
		expect.NoError(t, err)
		if again != a {
			t.Errorf("%s reads back as %+v", a, again)
		}
	}
}

// TestValidate: sizes that make no network are refused. The error for an image names the next sizes that fit.
func TestValidate(t *testing.T) {
	for text, want := range map[string][]string{
		"swin:image=230,patch=4,window=7,width=96,depths=2-2,heads=3-6":         {"230 pixels can't be cut into patches of 4", "224 or 280"},
		"swin:image=100,patch=4,window=7,width=96,depths=2-2,heads=3-6":         {"grid of 25 x 25", "can't be halved", "56 or 112"},
		"swin:image=96,patch=4,window=7,width=96,depths=2-2,heads=3-6":          {"grid of 24 x 24", "windows of 7 x 7", "56 or 112"},
		"swin:image=224,patch=4,window=7,width=96,depths=2-2,heads=3":           {"depths [2 2] and heads [3]"},
		"swin:image=224,patch=4,window=7,width=96,depths=2-x,heads=3-6":         {"depths", "2-x"},
		"swin:image=224,patch=4,window=7,width=96,depths=2-0-2,heads=3-6-6":     {"stage 1 cannot have 0 blocks"},
		"swin:image=224,patch=4,window=7,width=96,depths=2-2,heads=5-6":         {"96 in stage 0", "5 heads"},
		"swin:image=224,patch=4,window=0,width=96,depths=2-2,heads=3-6":         {"window = 0"},
		"swin:image=224,patch=4,window=7,width=96,depths=1-1-1-1-1-1-1,heads=3": {"7 stages"},
		"swin:image=224,patch=4,window=7,depth=2":                               {`unknown setting "depth"`, "depths"},
	} {
		_, err := backbone.Parse(text)
		expect.Error(t, err, want...)
	}
}
