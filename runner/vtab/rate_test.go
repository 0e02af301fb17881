package vtab

import (
	"strings"
	"testing"
)

// TestUsualRate: the medians were taken by hand from the lines of recipes.csv, which another test compares with the published scripts.
func TestUsualRate(t *testing.T) {
	const vitB, swinB = "vit:image=224,patch=16,width=768,depth=12,heads=12,mlp=3072", "swin:image=224,patch=4,window=7,width=128,depths=2-2-18-2,heads=4-8-16-32"
	const other = "no recipe is published for this backbone"
	for _, c := range []struct {
		method, architecture string
		rate                 float64
		why                  string
		other                bool
	}{
		{"dtl", vitB, 0.001, "19 tasks of VTAB-1k on vit-b, from 0.0001 to 0.01", false},
		{"dtl+", vitB, 0.003, "dtl+'s published recipes", false},
		{"dtl", swinB, 0.001, "on swin-b, from 0.0001 to 0.008", false},
		{"dtl+", swinB, 0.003, "on swin-b", false},
		{"full", vitB, 5e-5, "SSF", false},
		{"linear", vitB, 0.001, "parameter-efficient", false},
		{"lora", vitB, 0.001, "parameter-efficient", false},
		{"dtl", "vit:image=224,patch=14,width=384,depth=12,heads=6,mlp=1536", 0.001, "on vit-b", true},
	} {
		rate, why := UsualRate(c.method, c.architecture)
		if rate != c.rate || !strings.Contains(why, c.why) || strings.Contains(why, other) != c.other {
			t.Errorf("%s on %s: %v, %s", c.method, c.architecture, rate, why)
		}
	}
}
