package savedmodels

import (
	"io/fs"
	"testing"

	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	"dtl-tf/graph/need"
)

// TestDefault holds the built-in backbone to what the program promises: 12 blocks, so that the defaults of
// DTL apply, and no more than 8 MB.
func TestDefault(t *testing.T) {
	dir, err := Default()
	need.NoError(t, err)
	bb, err := backbone.LoadFS(t.Context(), dir, "built-in default", backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if depth := len(bb.Blocks()); depth != 12 {
		t.Errorf("%d blocks, want 12", depth)
	}
	size := int64(0)
	err = fs.WalkDir(dir, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		size += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size > 8e6 {
		t.Errorf("%d bytes, at most 8,000,000 are wanted", size)
	}
	if _, err := fs.Stat(files, "default.md"); err != nil {
		t.Error("the model card is missing: ", err)
	}
}
