package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"dtl-tf/graph/tensor"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
	"dtl-tf/runner/train"
)

// format is the version of the files.
const format = 1

// Keys of a checkpoint's metadata.
const (
	keyState = "checkpoint" // a State as JSON
	keySum   = "sha256"     // see checksum
)

// State is what a run needs besides its tensors to continue. It has no random state, because order, augmentation and drop path
// depend only on the seed, the epoch and the step.
type State struct {
	Format   int            `json:"format"` // Write sets it
	Position train.Position `json:"position"`

	Config json.RawMessage `json:"config"` // the resolved configuration
	Inputs Inputs          `json:"inputs"`

	Metrics      []result.Metric     `json:"metrics"` // of the complete epochs
	Selection    *result.Selection   `json:"selection,omitempty"`
	Bad          []int               `json:"bad,omitempty"`     // indices of unreadable training images
	BadVal       []int               `json:"bad_val,omitempty"` // of unreadable validation images
	Measurements result.Measurements `json:"measurements"`
	Versions     result.Versions     `json:"versions"`
	Device       result.Device       `json:"device"`
	Earlier      []result.Part       `json:"earlier_parts,omitempty"`
}

// Inputs are the fingerprints of a run's inputs.
type Inputs struct {
	Backbone string `json:"backbone"`
	Data     string `json:"data"`
	Adapter  string `json:"init_adapter,omitempty"`
}

// write writes a checkpoint as a .safetensors file.
func write(path string, s State, tensors tensor.Map) error {
	s.Format = format
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", path, err)
	}
	sum, err := checksum(text, tensors)
	if err != nil {
		return fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return result.WriteFile(path, func(w io.Writer) error {
		return weight.WriteSafetensors(w, tensors, map[string]string{keyState: string(text), keySum: sum})
	})
}

// checksum is the SHA-256, in hexadecimal, of the file without its checksum. Readers can recompute it, because equal content gives
// equal bytes.
func checksum(state []byte, tensors tensor.Map) (string, error) {
	h := sha256.New()
	if err := weight.WriteSafetensors(h, tensors, map[string]string{keyState: string(state)}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// read reads a checkpoint and verifies its checksum. Errors name the file.
func read(path string) (State, tensor.Map, error) {
	file, err := weight.Open(path)
	if err != nil {
		return State{}, nil, err
	}
	s, err := decode(file)
	if err != nil {
		return State{}, nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, file.Tensors, nil
}

func decode(file *weight.File) (s State, err error) {
	text, ok := file.Metadata[keyState]
	if !ok {
		return s, errors.New("this is not a checkpoint of dtl-tf")
	}
	sum, err := checksum([]byte(text), file.Tensors)
	if err != nil {
		return s, err
	}
	if sum != file.Metadata[keySum] {
		return s, fmt.Errorf("its checksum is %.12s and should be %.12s: the file is damaged", sum, file.Metadata[keySum])
	}
	var head struct{ Format int }
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		return s, fmt.Errorf("its description is unreadable: %w", err)
	}
	if head.Format != format {
		return s, &result.ForeignError{Err: fmt.Errorf("it has format %d, this program reads format %d", head.Format, format)}
	}
	if err := result.Decode([]byte(text), &s); err != nil { // an unknown field may affect the result
		return s, &result.ForeignError{Err: fmt.Errorf("its description is unreadable: %w", err)}
	}
	if p := s.Position; p.Epochs < 0 || p.Steps < 0 || p.StepInEpoch < 0 || p.Images < 0 || p.Elapsed < 0 {
		return s, fmt.Errorf("its position %+v is impossible", p)
	}
	return s, nil
}
