package result

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"dtl-tf/graph/expect"
)

// FuzzRun: a run.json that can be read can be written, and reads back the same.
func FuzzRun(f *testing.F) {
	path := filepath.Join(f.TempDir(), RunFile)
	whole := Run{Status: Finished, Method: "dtl", Started: time.Unix(1, 0).UTC(), Accuracy: &Accuracy{Top1: 50, Images: 2}, Frozen: &Frozen{}}
	if err := WriteRun(path, whole); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r Run
		var err error
		expect.Memory(t, 64*len(raw), func() { r, err = decodeRun(raw) })
		if err != nil {
			return
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeRun(text)
		if err != nil {
			t.Fatal(err)
		}
		r.Config, again.Config = nil, nil // white space in it may differ
		if !reflect.DeepEqual(r, again) {
			t.Errorf("read\n%+v\nthen\n%+v", r, again)
		}
	})
}

// FuzzMeta reads the metadata of an adapter file.
func FuzzMeta(f *testing.F) {
	f.Add("10", "[0.5,0.5,0.5]", `["cat","dog"]`)
	f.Add("1e9", "[1e999]", `{"a":`)
	f.Fuzz(func(t *testing.T, whole, list, names string) {
		a := Adapter{Path: "adapter.safetensors", Meta: Meta{KeyClasses: whole, KeyMean: list, KeyClassNames: names}}
		expect.Memory(t, 64*(len(whole)+len(list)+len(names)), func() {
			for key, read := range map[string]func(string) (bool, error){
				KeyClasses:    func(k string) (bool, error) { _, ok, err := a.Int(k); return ok, err },
				KeyMean:       func(k string) (bool, error) { return a.JSON(k, new([]float64)) },
				KeyClassNames: func(k string) (bool, error) { return a.JSON(k, new([]string)) },
			} {
				if ok, _ := read(key); !ok {
					t.Errorf("%s is there and was not found", key)
				}
			}
		})
	})
}
