package backbone

import (
	"encoding/json"
	"os"
	"testing"

	"dtl-tf/graph/expect"
)

// TestModelTypes compares the values that a config.json leaves out with the defaults of transformers' configuration classes.
func TestModelTypes(t *testing.T) {
	raw, err := os.ReadFile("testdata/transformers.json")
	expect.NoError(t, err)
	var classes map[string]struct {
		Heads      int     `json:"num_attention_heads"`
		Eps        float64 `json:"layer_norm_eps"`
		Activation string  `json:"hidden_act"`
		Registers  int     `json:"num_register_tokens"`
		Theta      float64 `json:"rope_theta"`
	}
	expect.NoError(t, json.Unmarshal(raw, &classes))
	if len(classes) != len(modelTypes) {
		t.Errorf("%d types, transformers.json has %d", len(modelTypes), len(classes))
	}
	for name, c := range classes {
		m := modelTypes[name]
		activation, err := ParseActivation(c.Activation)
		if err != nil || m.heads != c.Heads || m.eps != c.Eps || m.activation != activation || m.registers != c.Registers {
			t.Errorf("%s: %+v (%v), transformers has %+v", name, m, err, c)
		}
		if c.Theta != 0 && c.Theta != dinov3Theta {
			t.Errorf("%s: rope_theta %v", name, c.Theta)
		}
	}
}
