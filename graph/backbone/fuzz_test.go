package backbone

import (
	"os"
	"testing"
	"testing/fstest"

	"dtl-tf/graph/alloctest"
	"dtl-tf/graph/savedmodel"
)

// FuzzParse: the text of an architecture that is accepted means the same when it is written and read again.
func FuzzParse(f *testing.F) {
	f.Add("vit_b16")
	f.Add("vit:image=32,patch=4,width=96,depth=12,heads=3,mlp=384")
	f.Add("vit:image=1048576,patch=1,width=1048576,depth=1048576,heads=1,mlp=1")
	f.Fuzz(func(t *testing.T, text string) {
		var a Architecture
		var err error
		alloctest.Limit(t, 256*len(text), func() { a, err = Parse(text) })
		if err != nil {
			return
		}
		again, err := Parse(a.String())
		again.Eps = a.Eps
		if err != nil || again != a {
			t.Errorf("%q is %v, then %v: %v", text, a, again, err)
		}
	})
}

// FuzzDescription reads what a SavedModel says about its architecture.
func FuzzDescription(f *testing.F) {
	whole, err := os.ReadFile("../../saved_models/default/assets.extra/" + descriptionFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, raw []byte) {
		alloctest.Limit(t, 64*len(raw), func() {
			d, err := readDescription(fstest.MapFS{savedmodel.ExtraDir + "/" + descriptionFile: {Data: raw}})
			if err == nil && d.Validate() != nil {
				t.Errorf("%+v: %v", d, d.Validate())
			}
		})
	})
}
