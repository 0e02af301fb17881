package vit

import (
	"cmp"
	"encoding/json"
	"os"
	"testing"

	"dtl-tf/graph/expect"
)

// TestAllTimmNames compares what is read from timm's names with what timm builds under them.
func TestAllTimmNames(t *testing.T) {
	raw, err := os.ReadFile("testdata/timm_names.json")
	expect.NoError(t, err)
	var models map[string]struct {
		Norm, Class, Activation string
		Eps                     float64
		Heads, Width, Depth     int
	}
	expect.NoError(t, json.Unmarshal(raw, &models))
	told := 0
	for name, m := range models {
		implied, ok := timmName(name)
		if m.Norm != "LayerNorm" || m.Class == "VisionTransformerRelPos" {
			if ok {
				t.Errorf("%s is a %s with %s, which is not computed, and its name is taken for a known ViT's", name, m.Class, m.Norm)
			}
			continue
		}
		if heads := cmp.Or(implied.Heads, m.Width/64); ok && heads != m.Heads {
			t.Errorf("%s: %d heads, timm has %d", name, heads, m.Heads)
		}
		if !implied.Plain {
			continue
		}
		told++
		if implied.Eps != m.Eps {
			t.Errorf("%s: epsilon %v, timm has %v", name, implied.Eps, m.Eps)
		}
		if gelu := implied.Activation; m.Activation != "swiglu" && string(gelu) != m.Activation && (gelu != "" || m.Activation != "gelu") {
			t.Errorf("%s: activation %q, timm has %s", name, gelu, m.Activation)
		}
		if implied.Width != 0 && (implied.Width != m.Width || implied.Depth != m.Depth || implied.Heads != m.Heads) {
			t.Errorf("%s: %+v, timm has %+v", name, implied, m)
		}
	}
	if len(models) < 200 || told < 100 {
		t.Errorf("%d names, of which %d tell something", len(models), told)
	}
}
