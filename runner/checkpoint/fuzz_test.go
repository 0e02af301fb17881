package checkpoint

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

var fuzzTensors = tensor.Map{"a": tensor.Must([]float32{1, 2}, 2)}

func example() State {
	return State{
		Position: train.Position{Epochs: 1, Steps: 3, StepInEpoch: 1, LossSum: 0.5},
		Config:   json.RawMessage(`{"epochs":3}`), Inputs: Inputs{Backbone: "b", Data: "d"},
		Metrics: []result.Metric{{Epoch: 1, Step: 2, Loss: 0.5}}, Bad: []int{7},
	}
}

// FuzzFile reads whole files. The checksum keeps a fuzzer away from what lies inside; FuzzState has it right.
func FuzzFile(f *testing.F) {
	path := filepath.Join(f.TempDir(), "checkpoint.safetensors")
	if err := write(path, example(), fuzzTensors); err != nil {
		f.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte(`\"steps\":3`), []byte(`\"steps\":4`), 1)) // a wrong checksum
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		expect.Memory(t, 128*len(raw), func() {
			s, _, err := read(path)
			if err == nil && s.Format != format {
				t.Errorf("format %d", s.Format)
			}
		})
	})
}

// FuzzState reads the description of a run in a file whose checksum is right: what is accepted can be written again.
func FuzzState(f *testing.F) {
	s := example()
	s.Format = format
	text, err := json.Marshal(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"format":1,"position":{"Steps":-1}}`)
	f.Add(`{"format":1,"position":{"Elapsed":1e99}}`)
	f.Fuzz(func(t *testing.T, text string) {
		sum, err := checksum([]byte(text), fuzzTensors)
		if err != nil {
			return // no text for a header
		}
		file := &weight.File{Tensors: fuzzTensors, Metadata: map[string]string{keyState: text, keySum: sum}}
		var s State
		expect.Memory(t, 64*len(text), func() { s, err = decode(file) })
		if err != nil {
			return
		}
		if s.Position.Epochs < 0 || s.Position.Steps < 0 || s.Position.StepInEpoch < 0 {
			t.Errorf("position %+v", s.Position)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	})
}
