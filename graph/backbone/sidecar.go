package backbone

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"dtl-tf/graph/weight"
)

// Sidecar is the path of a weight file's sidecar, the companion JSON in this program's own form: the file's path with the
// extension .json. That of shards is named after their model: model.json for model.safetensors.index.json.
func Sidecar(path string) string {
	if weight.IsIndex(path) {
		path = strings.TrimSuffix(path, ".index.json")
	}
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".json"
}

// sidecarForm is an example of a sidecar, for messages.
const sidecarForm = `{"mean": [r,g,b], "std": [r,g,b]}`

// SidecarJSON is the content of a sidecar.
type SidecarJSON struct {
	Mean  *[3]float64 `json:"mean,omitempty"`
	Std   *[3]float64 `json:"std,omitempty"`
	Pool  *Pool       `json:"pool,omitempty"`
	Eps   float64     `json:"layer_norm_eps,omitempty"`
	Heads int         `json:"heads,omitempty"`      // if shapes leave it open
	Image int         `json:"image_size,omitempty"` // likewise
	// Activation is that of the MLPs. Sidecar leaves it out: Description has it.
	Activation Activation `json:"activation,omitempty"`
	// Description is the architecture as Parse reads it, if the tensors do not tell its form.
	Description string `json:"description,omitempty"`
	// Loss is LossSeveral if an image has any number of the own head's classes.
	Loss string `json:"loss,omitempty"`
	// Classes are the names of the own head's classes.
	Classes []string `json:"classes,omitempty"`
}

// Answers is how the own head answers, as far as a sidecar says it.
type Answers struct {
	Several bool     // an image has any number of classes: probabilities are sigmoids of the logits
	Classes []string // names, nil if unknown
}

// LossSeveral is the loss in a sidecar of a head that was trained with the cross-entropy of a sigmoid for each class.
const LossSeveral = "bce"

// Sidecar is that of the description, with the answers of the own head.
func (bb *Backbone) Sidecar() SidecarJSON {
	s := bb.Description.Sidecar()
	if bb.Answers.Several {
		s.Loss = LossSeveral
	}
	s.Classes = bb.Answers.Classes
	return s
}

// Sidecar is the sidecar to write beside the backbone's .npz file.
func (d Description) Sidecar() SidecarJSON {
	s := SidecarJSON{Mean: &d.Mean, Std: &d.Std, Pool: &d.Pool, Eps: d.NormEps()}
	if familyOf(d.Architecture).defaultsOf(d.Architecture).Image != 0 {
		s.Image = d.ImageSize()
	}
	if f := familyOf(d.Architecture); f.NeedsDescription != nil && f.NeedsDescription(d.Architecture) {
		s.Description = d.Architecture.String()
	}
	return s
}

// sidecarKeys are the keys of a sidecar.
func sidecarKeys() []string {
	var keys []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[SidecarJSON]()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		keys = append(keys, key)
	}
	return keys
}

// sidecar parses a sidecar. It refuses unknown keys, which would otherwise be ignored silently.
func (t *companion) sidecar(raw []byte, found map[string]json.RawMessage) error {
	known := sidecarKeys()
	for key := range found {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, key) }) {
			return fmt.Errorf("the key %q is unknown: the keys are %s", key, strings.Join(known, ", "))
		}
	}
	var d struct {
		Mean, Std []float64 // slices, since into [3]float64 Go silently decodes lists of any length
		Pool      *Pool
		Eps       *float64 `json:"layer_norm_eps"`
		Heads     *int
		Image     *int `json:"image_size"`

		Activation  *string
		Description string
		Loss        *string
		Classes     []string
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("%w (wanted is %s)", err, sidecarForm)
	}
	t.own, t.mean, t.std = true, d.Mean, d.Std
	if d.Eps != nil {
		if t.eps = *d.Eps; !(t.eps > 0) {
			return fmt.Errorf("a layer_norm_eps of %v is not possible", t.eps)
		}
	}
	if d.Heads != nil {
		if t.heads = *d.Heads; t.heads < 1 {
			return fmt.Errorf("%d heads are not possible", t.heads)
		}
	}
	if d.Image != nil {
		if t.image = *d.Image; t.image < 1 {
			return fmt.Errorf("an image_size of %d is not possible", t.image)
		}
		t.claims = append(t.claims, claim{key: "image_size", value: t.image, of: Architecture.ImageSize})
	}
	if d.Activation != nil {
		var err error
		if t.activation, err = ParseActivation(*d.Activation); err != nil {
			return err
		}
	}
	if d.Description != "" {
		var err error
		if t.described, err = Parse(d.Description); err != nil {
			return err
		}
	}
	t.answers.Classes = d.Classes
	if d.Loss != nil {
		if *d.Loss != LossSeveral {
			return fmt.Errorf("a loss %q is not possible: it is %q, or absent if an image has one class", *d.Loss, LossSeveral)
		}
		t.answers.Several = true
	}
	if d.Pool != nil {
		var err error
		t.pool, err = ParsePool(string(*d.Pool))
		return err
	}
	return nil
}
