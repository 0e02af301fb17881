package vit

import (
	"encoding/json"
	"os"
	"testing"

	"dtl-tf/graph/backbone"
	"dtl-tf/graph/expect"
)

// FuzzParse checks that an accepted description survives String and Parse.
func FuzzParse(f *testing.F) {
	f.Add("vit_b16")
	f.Add("vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384")
	f.Add("vit:image=1048576,patch=1,width=1048576,depth=1048576,heads=1,mlp=1")
	f.Fuzz(func(t *testing.T, text string) {
		var a backbone.Architecture
		var err error
		expect.Memory(t, 256*len(text), func() { a, err = backbone.Parse(text) })
		if err != nil {
			return
		}
		again, err := backbone.Parse(a.String())
		if err != nil || again.With(backbone.Sizes{Eps: a.NormEps()}) != a {
			t.Errorf("%q is %v, then %v: %v", text, a, again, err)
		}
	})
}

// FuzzDescription reads the description in a SavedModel.
func FuzzDescription(f *testing.F) {
	whole, err := os.ReadFile("../../../saved_models/default/assets.extra/" + descriptionFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 64*len(raw), func() {
			var d backbone.Description
			err := json.Unmarshal(raw, &d)
			if err == nil && d.Validate() != nil {
				t.Errorf("%+v: %v", d, d.Validate())
			}
		})
	})
}
