package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzListing feeds a hub's answer to the parser and the choice of files. Whatever is chosen stays within its folder.
func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"sha": "` + commitA + `", "siblings": [{"rfilename": "model.safetensors", "size": 10, "lfs": {"size": 20}}, {"rfilename": "config.json"}]}`))
	f.Add([]byte(`{"sha": "` + commitA + `", "siblings": [{"rfilename": "../model.safetensors"}]}`))
	f.Add([]byte(`{"sha": "main"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := parseListing(raw)
		if err != nil {
			return
		}
		if !commitHash.MatchString(l.commit) {
			t.Errorf("commit %q", l.commit)
		}
		name, err := choose(Reference{repo, "main"}, l.files, "")
		if err == nil && !within(name) {
			t.Errorf("%q was chosen", name)
		}
	})
}

// FuzzIndex feeds an index of shards to its parser. All shards are beside it.
func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map": {"a": "model-00001-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map": {"a": "../x.safetensors"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "index.json")
		if err := os.WriteFile(file, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		names, err := shards(file, "model.safetensors.index.json")
		for _, name := range names {
			if err != nil || !within(name) || strings.ContainsAny(name, `/\`) {
				t.Errorf("%q, %v", name, err)
			}
		}
	})
}

// within reports whether a name, joined to a folder, stays in it.
func within(name string) bool {
	return filepath.IsLocal(name) && filepath.Dir(filepath.Join("/folder/sub", name)) != "/folder" && !strings.ContainsAny(name, "\x00\n\\")
}

// FuzzRange feeds the header field Content-Range to its parser.
func FuzzRange(f *testing.F) {
	for _, text := range []string{"bytes 100-199/200", "bytes 100-199/*", "bytes */200", "bytes -1-2/3", "", "bytes 9223372036854775808-1/2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if first, total, ok := parseRange(text); ok && (first < 0 || total < -1) {
			t.Errorf("%q: %d of %d", text, first, total)
		}
	})
}
