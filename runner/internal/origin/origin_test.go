package origin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

func TestOf(t *testing.T) {
	const verified = `"sources": [{"name": "a.zip", "published": "sha256"}], "data_fingerprint": "abc", "training_fingerprint": "def"}`
	for _, c := range []struct{ record, print, want string }{
		{`{"task": "dtd", "official": true, ` + verified, "abc", "official lists and pixels"},
		{`{"task": "dtd", "official": true, ` + verified, "def", "official lists and pixels"}, // a search
		{`{"task": "dtd", "official": true, "sources": [{"name": "a.zip"}, {"name": "b.zip", "published": "md5"}], "data_fingerprint": "abc"}`, "abc",
			"official lists, unverified pixels: no published checksum confirms a.zip"},
		{`{"task": "sun397", "official": true, "pixels": "scaled", ` + verified, "abc", "official lists, other pixels: scaled"},
		{`{"task": "caltech101", "remarks": ["x", "not VTAB-1k's images: few", "not VTAB-1k's images: a substitute"], "data_fingerprint": "abc"}`, "abc", "not official: few; a substitute"},
		{`{"task": "caltech101", "official": true, "data_fingerprint": "abc"}`, "abc", "unknown: the images are those of one copy"},
		{`{"task": "dtd", "official": true, ` + verified, "abd", "not official: the files or lists that are used"},
		{`{"task": "dtd", "official": true, ` + verified, "", "not official: the files or lists that are used"},
		{`{"task": "dtd", "official": true, "keys_sha256": {"val200": "b8c8bede4c99937c5a58016f2efb1b02640a1d6f6c0c6e567af70a8b939570f4", "test": "1"}, ` + verified, "abc", "official lists and pixels"},
		{`{"task": "dtd", "official": true, "keys_sha256": {"val200": "1"}, ` + verified, "abc", "not official: the images of val200 are others"},
		{`{"official": false, "remarks": ["passed over"], "data_fingerprint": "abc"}`, "abc", ""},
		{`{"task": "cifar10", "remarks": ["passed over"], "data_fingerprint": "abc"}`, "abc", ""},
		{`{"official"`, "abc", ""},
		{``, "abc", ""},
	} {
		folder := t.TempDir()
		if c.record != "" {
			expect.NoError(t, os.WriteFile(filepath.Join(folder, File), []byte(c.record), 0o666))
		}
		if got := Of(folder, "", c.print); c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", c.record, got, c.want)
		}
	}
	folder := filepath.Join(t.TempDir(), "kitti_distance") // an alias
	expect.NoError(t, os.Mkdir(folder, 0o777))
	for record, want := range map[string]string{
		`{"task": "dtd", "official": true}`: "not official: the images were prepared for dtd", `{"official": false}`: "not official: data prepare drew",
	} {
		expect.NoError(t, os.WriteFile(filepath.Join(folder, File), []byte(record), 0o666))
		if got := Of(folder, "", ""); !strings.HasPrefix(got, want) {
			t.Errorf("%s as kitti: %q, want %q", record, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for word, want := range map[string]string{
		Official: "official", OtherPixels + ": scaled": "other pixels", Unverified + ": a copy": "unverified", NotOfficial + ": few": "not official", Unknown + ": a copy": "unknown",
	} {
		if got := Short(word); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}
