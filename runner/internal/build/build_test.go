package build

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"testing"
)

// TestName: the name has a hash unless the version identifies the source.
func TestName(t *testing.T) {
	file, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	own := " " + hex.EncodeToString(sum[:])[:12]
	for version, want := range map[string]string{
		"v1.2": "v1.2", "v1.2-3-gabc": "v1.2-3-gabc", "dev": "dev" + own, "v1.2-dirty": "v1.2-dirty" + own,
	} {
		if got, err := Name(version); got != want || err != nil {
			t.Errorf("%s: %q, error %v, want %q", version, got, err, want)
		}
	}
}
