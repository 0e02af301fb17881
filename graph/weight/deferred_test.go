package weight

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// TestOpenDeferred: a deferred file has the tensors of one that is read at once, and keeps the elements of its large tensors out of memory.
func TestOpenDeferred(t *testing.T) {
	m := tensor.Map{"small": tensor.Zeros(7)}
	for i := range 8 {
		large := tensor.Zeros(300, 500)
		for j := range large.Float32() {
			large.Float32()[j] = float32(j%1000) * float32(i+1)
		}
		m[fmt.Sprintf("large/%d", i)] = large
	}
	dir := t.TempDir()
	for name, write := range map[string]func(f *os.File) error{
		"a.npz":         func(f *os.File) error { return WriteNPZ(f, m) },
		"a.safetensors": func(f *os.File) error { return WriteSafetensors(f, m, nil) },
	} {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
		whole, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var file *File
		all := 8 * 300 * 500 * 4
		expect.Memory(t, all/2+2*runtime.GOMAXPROCS(0)*2*bufferSize, func() { file, err = OpenDeferred(t.Context(), path) })
		if err != nil {
			t.Fatal(err)
		}
		if file.SHA256 != whole.SHA256 || !slices.Equal(file.Tensors.Names(), whole.Tensors.Names()) {
			t.Errorf("%s: %s with %v, want %s", name, file.SHA256, file.Tensors.Names(), whole.SHA256)
		}
		for tensorName, want := range whole.Tensors {
			got := file.Tensors[tensorName]
			if large := tensorName != "small"; got.IsDeferred() != large || !got.IsFloat() {
				t.Errorf("%s: %s is of %T", name, tensorName, got.Data)
			}
			part := make([]float32, 3)
			if err := got.Read(4, part); err != nil || !slices.Equal(part, want.Float32()[4:7]) {
				t.Errorf("%s: %s: a part is %v (%v)", name, tensorName, part, err)
			}
			loaded, err := got.Load()
			if err != nil || !slices.Equal(loaded.Float32(), want.Float32()) {
				t.Errorf("%s: %s has other elements (%v)", name, tensorName, err)
			}
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		_, err = file.Tensors["large/0"].Load()
		expect.Error(t, err, name, "large/0", "has changed since")
	}
}

// TestDeferredDamage: a deferred file is refused like one that is read at once.
func TestDeferredDamage(t *testing.T) {
	m := tensor.Map{"large": tensor.Zeros(300, 500)}
	path := filepath.Join(t.TempDir(), "a.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteNPZ(f, m); err != nil {
		t.Fatal(err)
	}
	f.Close()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2]++ // a zero of the tensor
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = OpenDeferred(t.Context(), path)
	expect.Error(t, err, "large", "its checksum is")
	infinite := tensor.Zeros(300, 500)
	infinite.Float32()[1007] = float32(math.Inf(1))
	path = filepath.Join(t.TempDir(), "a.safetensors")
	if f, err = os.Create(path); err != nil {
		t.Fatal(err)
	}
	if err := WriteSafetensors(f, tensor.Map{"large": infinite}, nil); err != nil {
		t.Fatal(err)
	}
	f.Close()
	file, err := OpenDeferred(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	expect.Error(t, file.CheckFinite(t.Context()), "large is infinite at index [2 7]")
}
