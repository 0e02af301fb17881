package doctor

import "testing"

// TestTested: a version of a tested series is accepted, with any patch number or suffix, and no other.
func TestTested(t *testing.T) {
	for version, want := range map[string]bool{
		"2.18.1": true, "2.18": true, "2.21.0": true, "2.21.0-rc1": true, "2.17.1": false, "2.22.0": false, "2.2": false, "2.180.1": false, "3.18.1": false,
	} {
		if got := tested(version); got != want {
			t.Errorf("%s: %t, want %t", version, got, want)
		}
	}
}
