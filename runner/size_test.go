package runner

import (
	"errors"
	"testing"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"8GB": 8e9, "8GiB": 8 << 30, "512MB": 512e6, "1.5GiB": 3 << 29, "100B": 100, "2TB": 2e12, "7KiB": 7168} {
		if got, err := ParseSize("memory", text); err != nil || got != want {
			t.Errorf("%s: %d, error %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "8", "GB", "8gb", "8G", "8 GB", "-8GB", "+8GB", "1e3MB", "0GB", "1.2.3GB", "8GBB", "0x8GB", ".GB", "99999999999GB", "NaNGB"} {
		got, err := ParseSize("memory", text)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%q: %d, error %v, want a UsageError", text, got, err)
		}
	}
}
