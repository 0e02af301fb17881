package backbone

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Description is everything about a backbone except its weights. It is recorded with every result. Its JSON is one flat object
// with the family, the architecture's fields and those of Normalisation.
type Description struct {
	Architecture
	Normalisation
}

// Normalisation is the preparation of the input, and the pooling for the backbone's own head.
type Normalisation struct {
	Mean [3]float64 `json:"mean"` // of the input, by channel, images in 0..1
	Std  [3]float64 `json:"std"`
	Pool Pool       `json:"pool"` // of the features for the own head
}

type familyName struct {
	Family string `json:"family"` // "" means usual: old files have no family
}

// MarshalJSON implements json.Marshaler.
func (d Description) MarshalJSON() ([]byte, error) {
	return Flat(familyName{d.Family()}, d.Architecture, d.Normalisation)
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *Description) UnmarshalJSON(raw []byte) error {
	var name familyName
	if err := json.Unmarshal(raw, &name); err != nil {
		return err
	}
	if name.Family == "" {
		name.Family = usual
	}
	f, ok := families[name.Family]
	if !ok {
		return fmt.Errorf("the family of backbones %q is unknown to this version", name.Family)
	}
	var err error
	if d.Architecture, err = f.Decode(raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &d.Normalisation); err != nil {
		return err
	}
	var lists struct{ Mean, Std []float64 } // into [3]float64, Go decodes lists of any length without a word
	if err := json.Unmarshal(raw, &lists); err != nil {
		return err
	}
	if len(lists.Mean) != 3 || len(lists.Std) != 3 {
		return fmt.Errorf("mean and std have %d and %d numbers, wanted are 3 each (red, green, blue)", len(lists.Mean), len(lists.Std))
	}
	return nil
}

// Flat encodes the fields of all parts, in order, as one JSON object. Parts must encode as objects.
func Flat(parts ...any) ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for _, part := range parts {
		raw, err := json.Marshal(part)
		if err != nil {
			return nil, err
		}
		inner, ok := bytes.CutPrefix(raw, []byte("{"))
		if !ok {
			return nil, fmt.Errorf("%T does not encode as an object", part)
		}
		inner = bytes.TrimSuffix(inner, []byte("}"))
		if out.Len() > 1 && len(inner) > 0 {
			out.WriteByte(',')
		}
		out.Write(inner)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}
