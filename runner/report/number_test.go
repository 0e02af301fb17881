package report

import "testing"

// TestBytes checks sizes against those that people write.
func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 9_699_328: "9.7 MB", 9_950_000: "10 MB", 999_600_000: "1.0 GB", 9_699_328_000: "9.7 GB", 2_500_000_000_000: "2.5 TB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
