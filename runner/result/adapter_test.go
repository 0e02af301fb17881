package result

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

func tensors() tensor.Map {
	return tensor.Map{
		"lora_dict.0.lora_A": tensor.Must([]float32{1, 2, 3, 4, 5, 6}, 2, 3),
		"lora_dict.0.lora_B": tensor.Must([]float32{0, 0, -0.5, 1e-30, 7, 8}, 3, 2),
		"head.bias":          tensor.Must([]float32{0.1}, 1),
	}
}

func TestAdapterRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), AdapterFile)
	meta := Meta{KeyMethod: "dtl+"}
	meta.SetInt("rank", 2)
	meta["beta"] = "100"
	meta.SetJSON(KeyMean, []float64{0.485, 0.456, 0.406})
	meta.SetJSON(KeyClassNames, []string{"a \"b\"", "c,d", "é"})
	if err := WriteAdapter(path, tensors(), meta); err != nil {
		t.Fatal(err)
	}
	if _, ok := meta[KeyFormat]; ok {
		t.Error("the caller's metadata was changed")
	}
	a, err := ReadAdapter(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range tensors() {
		got := a.Tensors[name]
		if !reflect.DeepEqual(got.Shape, want.Shape) || !reflect.DeepEqual(got.Float32(), want.Float32()) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	if len(a.Tensors) != 3 {
		t.Errorf("names %v", a.Tensors.Names())
	}
	if v, ok := a.Meta[KeyFormat]; v != "pt" || !ok {
		t.Errorf("format %q", v)
	}
	if v, ok, err := a.Int("rank"); v != 2 || !ok || err != nil {
		t.Errorf("rank %v %v %v", v, ok, err)
	}
	if v, ok := a.Meta["beta"]; v != "100" || !ok {
		t.Errorf("beta %q", v)
	}
	var mean []float64
	if ok, err := a.JSON(KeyMean, &mean); !reflect.DeepEqual(mean, []float64{0.485, 0.456, 0.406}) || !ok || err != nil {
		t.Errorf("mean %v %v %v", mean, ok, err)
	}
	var names []string
	if ok, err := a.JSON(KeyClassNames, &names); !reflect.DeepEqual(names, []string{"a \"b\"", "c,d", "é"}) || !ok || err != nil {
		t.Errorf("class names %v %v %v", names, ok, err)
	}
	if _, ok, err := a.Int("kernel"); ok || err != nil {
		t.Errorf("a key that is not there: %v %v", ok, err)
	}
}

// TestAdapterBytes reads the file as the format is specified: 8 bytes of length, JSON, data.
func TestAdapterBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), AdapterFile)
	if err := WriteAdapter(path, tensors(), Meta{KeyMethod: "dtl"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b)
	var head map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &head); err != nil {
		t.Fatal(err)
	}
	var meta map[string]string
	if err := json.Unmarshal(head["__metadata__"], &meta); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(meta, map[string]string{"format": "pt", "method": "dtl"}) {
		t.Errorf("metadata %v", meta)
	}
	var e struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(head["lora_dict.0.lora_B"], &e); err != nil {
		t.Fatal(err)
	}
	if e.DType != "F32" || !reflect.DeepEqual(e.Shape, []int{3, 2}) {
		t.Errorf("entry %+v", e)
	}
	data := b[8+int(n)+e.Offsets[0] : 8+int(n)+e.Offsets[1]]
	if v := math.Float32frombits(binary.LittleEndian.Uint32(data[8:])); v != -0.5 {
		t.Errorf("element 2 is %v", v)
	}
}

func TestAdapterErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, AdapterFile)
	writeString(t, path, "old")
	bad := tensors()
	bad["head.bias"].Float32()[0] = float32(math.NaN())
	expect.Error(t, WriteAdapter(path, bad, nil), path, "head.bias", "NaN")
	wantContent(t, path, "old")

	_, err := ReadAdapter(path)
	expect.Error(t, err, path)
	_, err = ReadAdapter(filepath.Join(dir, "none.safetensors"))
	expect.Error(t, err, "none.safetensors")

	meta := Meta{"rank": "two", KeyMean: "0.5", KeyClassNames: "[1]"}
	if err := WriteAdapter(path, tensors(), meta); err != nil {
		t.Fatal(err)
	}
	a, err := ReadAdapter(path)
	if err != nil {
		t.Fatal(err)
	}
	for key, read := range map[string]func(string) (bool, error){
		"rank":        func(k string) (bool, error) { _, ok, err := a.Int(k); return ok, err },
		KeyMean:       func(k string) (bool, error) { return a.JSON(k, new([]float64)) },
		KeyClassNames: func(k string) (bool, error) { return a.JSON(k, new([]string)) },
	} {
		ok, err := read(key)
		if !ok {
			t.Errorf("%s: a broken value counts as missing", key)
		}
		expect.Error(t, err, path, key)
	}

	// The error of a truncated file names the file.
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{4, 20, len(b) / 2, len(b) - 1} {
		writeString(t, path, string(b[:cut]))
		if _, err := ReadAdapter(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("cut at %d: error %v", cut, err)
		}
	}
}
