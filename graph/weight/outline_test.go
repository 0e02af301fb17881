package weight

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"dtl-tf/graph/expect"
)

// TestOutline checks that an outline has the names, shapes and types of the tensors that Open reads, and no elements.
func TestOutline(t *testing.T) {
	var files struct{ Files map[string]expectation }
	readJSON(t, "expect.json", &files)
	for name := range files.Files {
		path := filepath.Join("testdata", name)
		whole, err := Open(path)
		expect.NoError(t, err)
		outline, err := Outline(path)
		expect.NoError(t, err)
		if outline.Format != whole.Format || outline.Bytes() != whole.Bytes() || fmt.Sprint(outline.Metadata) != fmt.Sprint(whole.Metadata) ||
			!slices.Equal(outline.Tensors.Names(), whole.Tensors.Names()) || !slices.Equal(outline.Parts, []string{path}) {
			t.Errorf("%s: outline %+v of %d bytes, the file has %d", name, outline, outline.Bytes(), whole.Bytes())
		}
		for tensorName, want := range whole.Tensors {
			got := outline.Tensors[tensorName]
			if !slices.Equal(got.Shape, want.Shape) || reflect.TypeOf(got.Data) != reflect.TypeOf(want.Data) || reflect.ValueOf(got.Data).Len() != 0 {
				t.Errorf("%s: %s is %v %T in the outline, %v %T in the file", name, tensorName, got.Shape, got.Data, want.Shape, want.Data)
			}
		}
	}
}

// TestOutlineOfHugeFile checks that the outline of a file of 28 GB, sparse here, takes little memory and says what its tensors take.
func TestOutlineOfHugeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.safetensors")
	header := `{"a":{"dtype":"BF16","shape":[1000000,7000],"data_offsets":[0,14000000000]},"b":{"dtype":"BF16","shape":[7000000000],"data_offsets":[14000000000,28000000000]}}`
	expect.NoError(t, os.WriteFile(path, append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), 0o600))
	expect.NoError(t, os.Truncate(path, int64(8+len(header))+28_000_000_000))
	expect.Memory(t, 1<<20, func() {
		f, err := Outline(path)
		expect.NoError(t, err)
		if f.Bytes() != 56_000_000_000 {
			t.Errorf("%d bytes, want 4 for each of 14e9 elements", f.Bytes())
		}
	})
}
