package data

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/need"
)

// TestRealImages holds photographs to Pillow: the decoded pixels by their hash, the resized
// ones by a sample.
func TestRealImages(t *testing.T) {
	root := need.Shared(t, "vtab-1k")
	content, err := os.ReadFile("testdata/real.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected []struct {
		Path          string
		Height, Width int
		SHA256        string
		Every         int
		Resized       []byte
	}
	if err := json.Unmarshal(content, &expected); err != nil {
		t.Fatal(err)
	}
	images := Images{Decoder: decoder(t), Size: 224}
	for _, e := range expected {
		path := filepath.Join(root, e.Path)
		encoded, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := decode(encoded, images.Decoder, MaxPixels)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(p.pix); p.height != e.Height || p.width != e.Width || hex.EncodeToString(sum[:]) != e.SHA256 {
			t.Errorf("%s: decoded pixels differ from Pillow's", e.Path)
		}
		full, err := images.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		var sampled []byte
		for i := 0; i < len(full); i += e.Every {
			sampled = append(sampled, full[i])
		}
		if count, largest := difference(t, sampled, e.Resized); count > 0 {
			t.Errorf("%s: %d of %d resized values differ by up to %d levels", e.Path, count, len(sampled), largest)
		}
	}
}
