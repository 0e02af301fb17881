package published

import (
	"strings"
	"testing"
)

// TestCaveats checks that every caveat belongs to a quoted method, and the caveats of known traps.
func TestCaveats(t *testing.T) {
	for method := range caveats() {
		if method != "*" && Of(method).Source == "" {
			t.Errorf("caveat.csv has %q, which vtab.csv does not quote", method)
		}
	}
	for method, word := range map[string]string{"ssf": "AugReg", "fact-tk": "best on the test set", "noah": "ImageNet's mean"} {
		if !strings.Contains(strings.Join(Caveats(method), "; "), word) {
			t.Errorf("%s: %q does not say %q", method, Caveats(method), word)
		}
	}
	if len(Caveats("*")) != 1 || Caveats("dtl") != nil {
		t.Errorf("common %q, dtl %q", Caveats("*"), Caveats("dtl"))
	}
}
