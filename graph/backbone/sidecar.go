package backbone

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// Sidecar is the name of the small JSON beside a weight file: its name with .json in place of the ending.
func Sidecar(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".json" }

// sidecarForm is what a sidecar looks like.
const sidecarForm = `{"mean": [r,g,b], "std": [r,g,b]}`

// SidecarJSON is the content of the JSON beside a weight file.
type SidecarJSON struct {
	Mean  *[3]float64 `json:"mean,omitempty"`
	Std   *[3]float64 `json:"std,omitempty"`
	Pool  *Pool       `json:"pool,omitempty"`
	Eps   float64     `json:"layer_norm_eps,omitempty"`
	Heads int         `json:"heads,omitempty"` // where no shape tells
}

// Sidecar is what the JSON beside the backbone's .npz file should say.
func (d Description) Sidecar() SidecarJSON {
	return SidecarJSON{Mean: &d.Mean, Std: &d.Std, Pool: &d.Pool, Eps: d.NormEps()}
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

// sidecar reads this program's own form. A key that it does not know would be passed over, so it is refused.
func (t *told) sidecar(raw []byte, found map[string]json.RawMessage) error {
	known := sidecarKeys()
	for key := range found {
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, key) }) {
			return fmt.Errorf("the key %q is unknown: the keys are %s", key, strings.Join(known, ", "))
		}
	}
	var d struct {
		Mean, Std []float64 // Go would fill or cut an array of another length than 3 without a word
		Pool      *Pool
		Eps       *float64 `json:"layer_norm_eps"`
		Heads     *int
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
	if d.Pool != nil {
		var err error
		t.pool, err = ParsePool(string(*d.Pool))
		return err
	}
	return nil
}
