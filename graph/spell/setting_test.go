package spell

import (
	"errors"
	"testing"
)

// TestSettingError: another name replaces the setting's only, and percent signs in values are not verbs.
func TestSettingError(t *testing.T) {
	cause := errors.New("100 % full")
	err := Settingf("size", "a width of %[2]s%% is too large: lower %[1]s (%[3]w)", "5%d", cause)
	if got, want := err.Error(), "a width of 5%d% is too large: lower size (100 % full)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var s *SettingError
	if !errors.As(err, &s) || !errors.Is(err, cause) {
		t.Fatalf("%T", err)
	}
	if got, want := s.Named("--size"), "a width of 5%d% is too large: lower --size (100 % full)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
