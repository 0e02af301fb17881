package savedmodels

import (
	"io/fs"
	"testing"

	"dtl-tf/graph/backbone"
	_ "dtl-tf/graph/backbone/all"
	"dtl-tf/graph/need"
)

// TestDefault holds the built-in backbone to what its model card promises: 6 blocks of width 192, with a head of its own for CIFAR-100's
// classes, in no more than 8 MB.
func TestDefault(t *testing.T) {
	dir, err := Default()
	need.NoError(t, err)
	bb, err := backbone.LoadFS(t.Context(), dir, "built-in default", backbone.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if blocks := bb.Blocks(); len(blocks) != 6 || blocks[0].Width != 192 {
		t.Errorf("%d blocks of width %d, want 6 of 192", len(blocks), blocks[0].Width)
	}
	if classes := bb.Weights["head/kernel"].Shape[1]; classes != 100 {
		t.Errorf("%d classes, want 100", classes)
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
