package prepare

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestCamelyon compares pixels and labels with what h5py wrote: contiguous, chunked with deflate, and growing files; packed and
// unpacked.
func TestCamelyon(t *testing.T) {
	folder := copied(t, "patch_camelyon")
	loose := t.TempDir()
	for _, f := range camelyonSet.files {
		expect.NoError(t, os.WriteFile(filepath.Join(loose, strings.TrimSuffix(f.name, ".gz")), gunzipped(t, filepath.Join(folder, f.name)), 0o666))
	}
	rows := originals(t, "patch_camelyon")
	key := func(name string) func(int) string { return func(i int) string { return name + "_" + strconv.Itoa(i) } }
	for _, from := range []string{folder, loose, filepath.Join(folder, camelyonFile("valid", "y"))} {
		c := small(t, from, "patch_camelyon", rows)
		prepared(t, c)
		check(t, c.Out, "train800", pick(t, rows, "train", key("train"))[:10], sumPixels)
		check(t, c.Out, "val200", pick(t, rows, "validation", key("valid"))[:3], sumPixels)
		check(t, c.Out, "test", pick(t, rows, "test", key("test")), sumPixels)
	}
}

func TestCamelyonRefused(t *testing.T) {
	rows := originals(t, "patch_camelyon")
	folder := copied(t, "patch_camelyon")
	path := func(name, array string) string { return filepath.Join(folder, camelyonFile(name, array)) }
	plain := gunzipped(t, path("train", "x"))
	plainY := gunzipped(t, path("train", "y"))
	at := bytes.Index(plainY, []byte{0, 0, 1, 0, 0, 1, 0, 0, 1}) // row * 5 modulo 3 and 2
	if at < 0 {
		t.Fatal("no labels found")
	}
	plainY[at] = 2
	lzf := gzipped(t, read(t, filepath.Join("hdf5", "testdata", "lzf.h5")))
	good := read(t, path("train", "x"))
	for _, c := range []struct {
		file    string
		content []byte
		words   []string
	}{
		{path("train", "x"), good[:len(good)-200], []string{"train_x", "cut off"}},
		{path("train", "x"), append(bytes.Clone(good[:len(good)-8]), make([]byte, 8)...), []string{"train_x", "damaged"}},
		{path("train", "x"), read(t, path("test", "x")), []string{"train_x", "shape [8 96 96 3]", "want [24 96 96 3]"}},
		{path("train", "x"), gzipped(t, plain[:len(plain)-1000]), []string{"train_x", "cut off"}},
		{path("train", "x"), gzipped(t, []byte("<html>not found</html>")), []string{"train_x", "another file than its name says"}},
		{path("train", "x"), lzf, []string{"train_x", "the filter LZF"}},
		{path("train", "x"), read(t, path("train", "y")), []string{"train_x", `no array "x", only ["y"]`}},
		{path("train", "x"), gzipped(t, append(bytes.Clone(plain), make([]byte, 70<<20)...)), []string{"train_x", "unpacks to more than"}},
		{path("train", "y"), read(t, path("test", "y")), []string{"train_y", "8 records", "the split test"}},
		{path("train", "y"), gzipped(t, plainY), []string{"train_y", "is 2, want 0 or 1"}},
		{path("train", "y"), []byte("Rar!"), []string{"train_y", "no HDF5 file"}},
	} {
		before := read(t, c.file)
		expect.NoError(t, os.WriteFile(c.file, c.content, 0o666))
		refused(t, small(t, folder, "patch_camelyon", rows), c.words...)
		expect.NoError(t, os.WriteFile(c.file, before, 0o666))
	}
	expect.NoError(t, os.Remove(path("valid", "x")))
	refused(t, small(t, folder, "patch_camelyon", rows), "PatchCamelyon are missing", camelyonFile("valid", "x")+" (805965320 bytes)")
}
