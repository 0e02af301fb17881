package feature

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// TestFolder: a folder that can't be used is refused with a message that says what to do.
func TestFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	expect.NoError(t, os.WriteFile(file, nil, 0o666))
	o, _ := options(file)
	_, err := Open(context.Background(), o, NewImages(sums()))
	expect.Error(t, err, file, "is a file: the feature cache needs a folder")
	o.Dir = filepath.Join(file, "below")
	_, err = Open(context.Background(), o, NewImages(sums()))
	expect.Error(t, err, o.Dir, "a part of this path is a file")
	o.Dir = t.TempDir()
	expect.NoError(t, os.WriteFile(filepath.Join(o.Dir, func() Key { k := o.Key; k.Images = NewImages(sums()).Fingerprint(); return k }().folder()), nil, 0o666))
	_, err = Open(context.Background(), o, NewImages(sums()))
	expect.Error(t, err, o.Dir, "not a directory")
	_, err = Open(context.Background(), o, NewImages(nil))
	expect.Error(t, err, "no images")
	o.Values = []Value{{"../x", nil}}
	_, err = Open(context.Background(), o, NewImages(sums()))
	expect.Error(t, err, "not a valid name for a stored value")
	for _, e := range []error{os.ErrPermission, errReadOnly} {
		expect.Error(t, explain("d", e), "d is not writable", "another --feature-cache folder")
	}
	expect.Error(t, explain("d", errFull), "d: the disk is full", "free some space")
}

// TestReadOnly: a cache that may not be written to can be read, and nothing else.
func TestReadOnly(t *testing.T) {
	if !need.Permissions(t) {
		return
	}
	o, n, folder := filled(t)
	expect.NoError(t, os.Chmod(folder, 0o555))
	defer os.Chmod(folder, 0o777)
	complete(t, open(t, o))
	n.want(t)
	o.Values = append(o.Values, Value{"x_02", []int{1}})
	s := open(t, o)
	_, err := s.Writer(context.Background())
	expect.Error(t, err, o.Dir, "not writable")
	n.want(t, "10 images x 4 bytes = 40 bytes in "+s.Folder()) // announced like every writing, before the files are made
}

// TestSpace: what the disk can't hold is not begun.
func TestSpace(t *testing.T) {
	o, n := options(t.TempDir())
	s := open(t, o)
	const needed = 10 * (15 + 1500) * 4
	s.disk = func(string) (disk, error) { return disk{free: needed + 99, total: 2000}, nil } // 100 bytes are to stay free
	_, err := s.Writer(context.Background())
	var space *spaceError
	if !errors.As(err, &space) || space.needed != needed || space.reserve != 100 {
		t.Fatalf("%v", err)
	}
	expect.Error(t, err, "61 kB needed in "+o.Dir, "61 kB free", "100 bytes", "--cache-precision bf16")
	n.want(t, "10 images x 6.1 kB = 61 kB in "+s.Folder())
	s.disk = func(string) (disk, error) { return disk{free: needed + 100, total: 2000}, nil }
	fill(t, s)
	complete(t, s)
	if d, err := diskOf(o.Dir); err != nil || d.free <= 0 || d.total < d.free {
		t.Errorf("%+v, %v", d, err)
	}
	if clamp(math.MaxUint64, 4096) != math.MaxInt64 || clamp(10, 512) != 5120 {
		t.Error("clamp")
	}
}

// TestWriteRefused: what does not fit the store is an error, not a wrong cache.
func TestWriteRefused(t *testing.T) {
	o, _ := options(t.TempDir())
	s := open(t, o)
	_, err := s.Loader(nil, nil, 1)
	expect.Error(t, err, "not all values have been written")
	w, err := s.Writer(context.Background())
	expect.NoError(t, err)
	defer w.Close()
	expect.Error(t, w.Commit(), "none of the images can be read")
	expect.NoError(t, w.Write([]int{0, 3}, compute(o, 0, 3)))
	expect.Error(t, w.Write([]int{3}, compute(o, 3)), "row 3 comes after row 3")
	expect.Error(t, w.Write([]int{5, 4}, compute(o, 5, 4)), "row 4 comes after row 5")
	expect.Error(t, w.Write([]int{10}, compute(o, 10)), "row 10")
	expect.Error(t, w.Write([]int{4}, compute(o, 4)[:1]), "got 1 values, want 2")
	expect.Error(t, w.Write([]int{4}, []tensor.Tensor{tensor.Zeros(1, 3, 5), tensor.Zeros(1, 1499)}), "x_01 has 1499 elements")
}
