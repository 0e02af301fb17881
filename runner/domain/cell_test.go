package domain

import (
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
	"dtl-tf/runner/sweep"
)

// TestCells: cells are read from where they belong, and from nowhere else.
func TestCells(t *testing.T) {
	root := t.TempDir()
	run := &result.Run{Targets: []result.Target{{Name: "sketch", Top1: 40, Masked: 50}}}
	for _, c := range []Cell{{Source: "photo", Method: "dtl", Seed: 42}, {Source: "imagenet", Target: "imagenet-sketch", Method: "dtl", Seed: 0}} {
		c.Status, c.Run = result.Finished, run
		expect.NoError(t, sweep.WriteCell(c.Path(root), &c))
	}
	put(t, filepath.Join(root, "photo/dtl/seed-43.json"), "{")
	content, err := os.ReadFile(filepath.Join(root, "photo/dtl/seed-42.json"))
	expect.NoError(t, err)
	put(t, filepath.Join(root, "photo/lora/seed-42.json"), string(content))
	put(t, filepath.Join(root, ".work/photo/dtl/seed-44.json"), "{")
	cells, bad, err := ReadCells(root)
	expect.NoError(t, err)
	if len(cells) != 2 || cells[0].Key() != "imagenet to imagenet-sketch dtl seed 0" || cells[1].Key() != "photo dtl seed 42" || len(bad) != 2 {
		t.Fatalf("cells %v, bad %v", cells, bad)
	}
	expect.Error(t, bad[0], "photo/dtl/seed-43.json", "not a complete JSON object")
	expect.Error(t, bad[1], "photo/lora/seed-42.json: holds the cell photo dtl seed 42, which belongs in "+filepath.Join(root, "photo/dtl/seed-42.json"))
	if err := cells[1].Usable(); err != nil {
		t.Errorf("a source without test images: %v", err)
	}
	expect.NoError(t, os.WriteFile(cells[1].Path(root), []byte(`{"format": 1, "source": "a/b", "method": "dtl", "status": "failed", "error": "x"}`), 0o666))
	_, err = ReadCell(cells[1].Path(root))
	expect.Error(t, err, `a domain can't have the name "a/b"`)
}
