package weight

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

func seed(f *testing.F, pattern string) {
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no testdata/%s: %v", pattern, err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
}

// Bytes of memory that the reader may allocate per byte of a file. A value of one byte becomes four, and the header is parsed as
// JSON. The values of an .npz may in addition be compressed, and are then read into growing slices.
const (
	perByteSafetensors = 64
	perByteNPZ         = 4 * 4 * maxDeflate
)

// check checks that a set read from n bytes is consistent and that it survives writing and reading.
func check(t *testing.T, m tensor.Map, n int, again func(tensor.Map) (tensor.Map, error)) {
	elements := 0
	for name, x := range m {
		_, values := flatten(x)
		if len(values) != tensor.Size(x.Shape) {
			t.Fatalf("%q: shape %v with %d elements", name, x.Shape, len(values))
		}
		elements += len(values)
		if checkName(name) != nil { // a zip archive may have names that the writer refuses
			return
		}
	}
	if elements > (n+1)*maxDeflate {
		t.Fatalf("%d elements from %d bytes", elements, n)
	}
	same, err := again(m)
	if err != nil {
		t.Fatal(err)
	}
	show := func(m tensor.Map) string {
		text := ""
		for _, name := range m.Names() {
			kind, values := flatten(m[name])
			text += fmt.Sprintf("%q %s %v %v\n", name, kind, m[name].Shape, values)
		}
		return text
	}
	if a, b := show(m), show(same); a != b {
		t.Fatalf("read\n%s\nthen\n%s", a, b)
	}
}

// FuzzNPZ reads whole files. The coverage of parallel readers differs from run to run, so the fuzzer would spend its time
// minimizing inputs: run the fuzzers of .npz with -fuzzminimizetime 1x.
func FuzzNPZ(f *testing.F) {
	seed(f, "*.npz")
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m tensor.Map
		var err error
		expect.Memory(t, perByteNPZ*len(raw), func() { m, err = readNPZ(t.Context(), bytes.NewReader(raw), int64(len(raw))) })
		if err != nil {
			return
		}
		check(t, m, len(raw), func(m tensor.Map) (tensor.Map, error) {
			var out bytes.Buffer
			if err := WriteNPZ(&out, m); err != nil {
				return nil, err
			}
			return readNPZ(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()))
		})
	})
}

func FuzzSafetensors(f *testing.F) {
	seed(f, "*.safetensors")
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m tensor.Map
		var metadata map[string]string
		var err error
		expect.Memory(t, perByteSafetensors*len(raw), func() {
			m, metadata, err = readSafetensors(t.Context(), bytes.NewReader(raw), int64(len(raw)))
		})
		if err != nil {
			return
		}
		check(t, m, len(raw), func(m tensor.Map) (tensor.Map, error) {
			var out bytes.Buffer
			if err := WriteSafetensors(&out, m, metadata); err != nil {
				return nil, err
			}
			same, _, err := readSafetensors(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()))
			return same, err
		})
	})
}

// FuzzMember fuzzes the content of an archive whose checksum and zip directory are valid, which a fuzzer of whole files rarely
// gets past.
func FuzzMember(f *testing.F) {
	f.Add(float23, make([]byte, 24), false)
	f.Add(float23, make([]byte, 24), true)
	f.Add("{'descr': [('x', '<f4')], 'fortran_order': True, 'shape': (3L,), }", []byte{1, 2, 3}, false)
	f.Fuzz(func(t *testing.T, header string, data []byte, deflate bool) {
		if len(header) > 1<<16-1 {
			return
		}
		method := zip.Store
		if deflate {
			method = zip.Deflate
		}
		raw := archive("a.npy", append(npy(header, 0), data...), method, nil)
		var m tensor.Map
		var err error
		expect.Memory(t, perByteNPZ*len(raw), func() { m, err = readNPZ(t.Context(), bytes.NewReader(raw), int64(len(raw))) })
		if err != nil {
			return
		}
		check(t, m, len(raw), func(m tensor.Map) (tensor.Map, error) {
			var out bytes.Buffer
			if err := WriteNPZ(&out, m); err != nil {
				return nil, err
			}
			return readNPZ(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()))
		})
	})
}

// FuzzIndex reads indexes of shards. What is read must list only files that lie in the folder of the index.
func FuzzIndex(f *testing.F) {
	for _, text := range []string{
		`{"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}`,
		`{"weight_map": {"a": "../model.safetensors"}}`, `{"weight_map": {"a": "x/../../y"}}`, `{"weight_map": {"a": "/etc/passwd"}}`, `{"weight_map": {}}`, `{"weight_map": {"a": 1}}`, `[]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var places map[string]string
		var err error
		expect.Memory(t, perByteSafetensors*len(raw), func() { places, err = parseIndex(raw) })
		if err != nil {
			return
		}
		if err := checkShards(t.TempDir(), places); err != nil && strings.Contains(err.Error(), "are missing") {
			for _, name := range places {
				if path := filepath.Join("/folder", name); !strings.HasPrefix(path, "/folder/") {
					t.Fatalf("the shard %q is %s", name, path)
				}
			}
		}
	})
}

// FuzzOutline compares the outline of a file with what its reader reads: the outline refuses no file that can be read, and has the same
// names and shapes.
func FuzzOutline(f *testing.F) {
	seed(f, "*.npz")
	seed(f, "*.safetensors")
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		whole, wholeErr := Open(path)
		outline, err := Outline(path)
		if wholeErr != nil {
			return
		}
		if err != nil {
			t.Fatalf("the file can be read, the outline can't: %v", err)
		}
		if outline.Bytes() != whole.Bytes() || !slices.Equal(outline.Tensors.Names(), whole.Tensors.Names()) {
			t.Fatalf("the outline has %v of %d bytes, the file %v of %d", outline.Tensors.Names(), outline.Bytes(), whole.Tensors.Names(), whole.Bytes())
		}
	})
}
