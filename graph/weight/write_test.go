package weight

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

func open(t testing.TB, name string) *File {
	t.Helper()
	f, err := Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestWriteSafetensorsLikeTheReference rewrites files of the reference implementation and expects the same bytes.
func TestWriteSafetensorsLikeTheReference(t *testing.T) {
	for _, name := range []string{"float32.safetensors", "integers.safetensors"} {
		f := open(t, name)
		var out bytes.Buffer
		if err := WriteSafetensors(&out, f.Tensors, f.Metadata); err != nil {
			t.Fatal(err)
		}
		if want := read(t, name); !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s: wrote\n%q\nwanted\n%q", name, out.Bytes(), want)
		}
	}
}

// TestWriteNPZLikeNumPy rewrites a file of NumPy and expects members with the same bytes.
func TestWriteNPZLikeNumPy(t *testing.T) {
	f := open(t, "plain.npz")
	delete(f.Tensors, "half") // is read as float32, so it can't come out the same
	var out bytes.Buffer
	if err := WriteNPZ(&out, f.Tensors); err != nil {
		t.Fatal(err)
	}
	got, want := members(t, out.Bytes()), members(t, read(t, "plain.npz"))
	delete(want, "half.npy")
	if !maps.Equal(got, want) {
		t.Errorf("wrote\n%q\nwanted\n%q", got, want)
	}
	var again bytes.Buffer
	if err := WriteNPZ(&again, f.Tensors); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Errorf("the same content gave other bytes (%v)", err)
	}
}

func members(t *testing.T, raw []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		m[f.Name] = string(data)
	}
	return m
}

func TestWriteRefuses(t *testing.T) {
	for name, m := range map[string]tensor.Map{
		"no data":    {"a": {Shape: []int{}}},
		"strings":    {"a": tensor.Scalar("image")},
		"mismatch":   {"a": {Shape: []int{3}, Data: []float32{1}}},
		"negative":   {"a": {Shape: []int{-1, -1}, Data: []float32{1}}},
		"bad name":   {"\xff": tensor.Zeros(1)},
		"taken name": {"__metadata__": tensor.Zeros(1)},
	} {
		var out bytes.Buffer
		expect.Error(t, WriteSafetensors(&out, m, nil), "tensor")
		if out.Len() > 0 {
			t.Errorf("%s: %d bytes were written", name, out.Len())
		}
		expect.Error(t, WriteNPZ(&out, m), "tensor")
	}
}

// full is a disk with room for n more bytes.
type full struct{ n int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.n {
		return 0, errFull
	}
	f.n -= len(p)
	return len(p), nil
}

func TestWriteToAFullDisk(t *testing.T) {
	m := tensor.Map{"a": tensor.Zeros(5000), "b": tensor.Zeros(100_000)}
	for _, n := range []int{0, 200, 30_000, 300_000} {
		if err := WriteSafetensors(&full{n}, m, nil); !errors.Is(err, errFull) {
			t.Errorf("safetensors, room for %d bytes: %v", n, err)
		}
		if err := WriteNPZ(&full{n}, m); !errors.Is(err, errFull) {
			t.Errorf("npz, room for %d bytes: %v", n, err)
		}
	}
}

// TestPythonReadsOurFiles has NumPy and safetensors read our files and compares what they report.
func TestPythonReadsOurFiles(t *testing.T) {
	need.Python(t, "numpy", "safetensors")
	folder := t.TempDir()
	m := open(t, "plain.npz").Tensors
	for _, file := range []string{"ours.npz", "ours.safetensors"} {
		w, err := os.Create(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(file) == ".npz" {
			err = WriteNPZ(w, m)
		} else {
			err = WriteSafetensors(w, m, map[string]string{"method": "dtl", "rank": "2"})
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	const script = `
import json, sys
import numpy as np
from safetensors import safe_open
a = dict(np.load("ours.npz"))
with safe_open("ours.safetensors", "np") as f:
    b = {k: f.get_tensor(k) for k in f.keys()}
    assert f.metadata() == {"method": "dtl", "rank": "2"}, f.metadata()
assert a.keys() == b.keys()
out = {}
for k in a:
    assert a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes(), k
    x = a[k].reshape(-1)
    v = x.view(np.uint32) if x.dtype.kind == "f" else x.astype(np.int64)
    out[k] = {"Type": str(x.dtype), "Shape": list(a[k].shape), "Values": v.tolist()}
json.dump(out, sys.stdout)
`
	cmd := exec.Command("python3", "-c", script)
	cmd.Dir = folder
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.Bytes())
	}
	var e expectation
	if err := json.Unmarshal(raw, &e.Tensors); err != nil {
		t.Fatal(err)
	}
	if len(e.Tensors) != len(m) {
		t.Errorf("Python found %d tensors of %d", len(e.Tensors), len(m))
	}
	for name, want := range e.Tensors {
		if kind, values := flatten(m[name]); kind != want.Type || !equal(kind, values, want.Values) {
			t.Errorf("%s: Python read %v, Go wrote %v", name, want.Values, values)
		}
	}
}
