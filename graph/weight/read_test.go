package weight

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"dtl-tf/graph/need"
	"dtl-tf/graph/tensor"
)

// expectation is the content of a file according to NumPy, from scripts/make_weight_vectors.py.
type expectation struct {
	SHA256   string
	Metadata map[string]string
	Tensors  map[string]struct {
		Shape  []int
		Type   string
		Values []int64 // a float as the bits of its float32, a bool as 0 or 1
	}
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

func TestReadsWhatPythonWrote(t *testing.T) {
	var expect struct{ Files map[string]expectation }
	readJSON(t, "expect.json", &expect)
	if len(expect.Files) < 6 {
		t.Fatalf("expect.json names %d files", len(expect.Files))
	}
	for name, want := range expect.Files {
		t.Run(name, func(t *testing.T) {
			f, err := Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if f.Format != filepath.Ext(name)[1:] || f.SHA256 != want.SHA256 {
				t.Errorf("format %s, sha256 %s, wanted %s", f.Format, f.SHA256, want.SHA256)
			}
			if fmt.Sprint(f.Metadata) != fmt.Sprint(want.Metadata) {
				t.Errorf("metadata %v, wanted %v", f.Metadata, want.Metadata)
			}
			if len(f.Tensors) != len(want.Tensors) {
				t.Errorf("tensors %v, wanted %d", f.Tensors.Names(), len(want.Tensors))
			}
			for name, w := range want.Tensors {
				got, err := f.Get(name, w.Shape...)
				if err != nil {
					t.Error(err)
					continue
				}
				if !slices.Equal(got.Shape, w.Shape) || got.Shape == nil {
					t.Errorf("%s: shape %v, wanted %v", name, got.Shape, w.Shape)
				}
				if kind, values := flatten(got); kind != w.Type || !equal(kind, values, w.Values) {
					t.Errorf("%s: %s %v, wanted %s %v", name, kind, values, w.Type, w.Values)
				}
			}
		})
	}
}

// flatten returns a tensor's type and values in the form of expect.json.
func flatten(t tensor.Tensor) (kind string, values []int64) {
	switch data := t.Data.(type) {
	case []float32:
		for _, v := range data {
			values = append(values, int64(math.Float32bits(v)))
		}
		return "float32", values
	case []int64:
		return "int64", data
	case []int32:
		for _, v := range data {
			values = append(values, int64(v))
		}
		return "int32", values
	case []uint8:
		for _, v := range data {
			values = append(values, int64(v))
		}
		return "uint8", values
	case []bool:
		for _, v := range data {
			one := int64(0)
			if v {
				one = 1
			}
			values = append(values, one)
		}
		return "bool", values
	}
	return fmt.Sprintf("%T", t.Data), nil
}

// equal treats all NaNs as equal.
func equal(kind string, a, b []int64) bool {
	return slices.EqualFunc(a, b, func(x, y int64) bool {
		nan := func(v int64) bool { return kind == "float32" && v&0x7fffffff > 0x7f800000 }
		return x == y || nan(x) && nan(y)
	})
}

func TestEveryHalf(t *testing.T) {
	var expect struct {
		Halves string `json:"halves_sha256"`
	}
	readJSON(t, "expect.json", &expect)
	h, buf := sha256.New(), []byte(nil)
	for i := range 1 << 16 {
		v := tensor.FromHalf(uint16(i))
		isNaN := i&0x7fff > 0x7c00
		if isNaN != math.IsNaN(float64(v)) {
			t.Fatalf("%#x became %v", i, v)
		}
		if !isNaN {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
	}
	h.Write(buf)
	if got := hex.EncodeToString(h.Sum(nil)); got != expect.Halves {
		t.Errorf("binary16 widens to %s, NumPy has %s", got, expect.Halves)
	}
}

func TestReadsRealBackbones(t *testing.T) {
	var expect map[string]struct {
		SHA256  string
		Tensors int
		Content string `json:"content_sha256"`
		Some    map[string]struct {
			Shape       []int
			First, Last []int64
		}
	}
	readJSON(t, "backbones.json", &expect)
	for name, want := range expect {
		t.Run(name, func(t *testing.T) {
			f, err := Open(need.Shared(t, "backbones/"+name))
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Tensors) != want.Tensors || f.SHA256 != want.SHA256 {
				t.Errorf("%d tensors, sha256 %s", len(f.Tensors), f.SHA256)
			}
			for name, w := range want.Some {
				got, err := f.Get(name, w.Shape...)
				if err != nil {
					t.Error(err)
					continue
				}
				_, values := flatten(got)
				if n := len(values); !slices.Equal(values[:3], w.First) || !slices.Equal(values[n-2:], w.Last) {
					t.Errorf("%s: %v .. %v, wanted %v .. %v", name, values[:3], values[n-2:], w.First, w.Last)
				}
			}
			if got := f.Tensors.SHA256(); got != want.Content {
				t.Errorf("all values hash to %s, NumPy's to %s", got, want.Content)
			}
			if err := f.CheckFinite(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReadsGoldenLabels(t *testing.T) {
	f, err := Open(need.Shared(t, "reference/golden/vit_micro_dtl/images.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, x := range f.Tensors {
		kinds[fmt.Sprintf("%T", x.Data)]++
	}
	if kinds["[]float32"] != 1 || kinds["[]int64"] != 1 {
		t.Errorf("wanted float images and int64 labels, found %v", kinds)
	}
}
