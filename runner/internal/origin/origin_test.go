package origin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ record, print, want string }{
		{`{"task": "dtd", "official": true, "data_fingerprint": "abc"}`, "abc", "official lists and pixels"},
		{`{"task": "sun397", "official": true, "pixels": "scaled", "data_fingerprint": "abc"}`, "abc", "official lists, other pixels: scaled"},
		{`{"task": "caltech101", "remarks": ["x", "not VTAB-1k's images: few", "not VTAB-1k's images: a substitute"], "data_fingerprint": "abc"}`, "abc", "not official: few; a substitute"},
		{`{"task": "dtd", "official": true, "data_fingerprint": "abc"}`, "abd", "not official: the files or lists that are used"},
		{`{"official": false, "remarks": ["passed over"], "data_fingerprint": "abc"}`, "abc", ""},
		{`{"official"`, "abc", ""},
		{``, "abc", ""},
	} {
		folder := t.TempDir()
		if c.record != "" {
			expect.NoError(t, os.WriteFile(filepath.Join(folder, File), []byte(c.record), 0o666))
		}
		if got := Of(folder, c.print); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.record, got, c.want)
		}
	}
}
