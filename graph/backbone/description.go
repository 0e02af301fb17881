package backbone

import (
	"encoding/json"
	"fmt"
)

// Description is what a backbone is, apart from its weights. It is recorded with every result. Its JSON is one flat object: the
// architecture's fields, its family, and the rest.
type Description struct {
	Architecture
	Normalisation
}

// Normalisation is how the input is prepared, and what the backbone's own head sees.
type Normalisation struct {
	Mean [3]float64 `json:"mean"` // of the input, by channel, images in 0..1
	Std  [3]float64 `json:"std"`
	Pool Pool       `json:"pool"` // what its own head sees
}

type familyName struct {
	Family string `json:"family"` // "" in files from before there was more than one: vit
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
		name.Family = "vit"
	}
	f, ok := families[name.Family]
	if !ok {
		return fmt.Errorf("the family of backbones %q is unknown to this version", name.Family)
	}
	var err error
	if d.Architecture, err = f.Decode(raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, &d.Normalisation)
}
