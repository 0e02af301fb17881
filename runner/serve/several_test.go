package serve

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestSeveral: probabilities of an adapter of any number of classes are sigmoids, and all classes of at least the threshold are labels.
func TestSeveral(t *testing.T) {
	h := start(t, nil)
	_, err := h.adapters.put(t.Context(), "tags", adapterText(t, "-5.125 3 several"), "", byFlag)
	expect.NoError(t, err)
	want := []float64{1 / (1 + math.Exp(0.125)), 0.5, 1 / (1 + math.Exp(-0.125))} // of the logits -1/8, 0 and 1/8
	for query, labels := range map[string]string{"": "cobalt basil", "&threshold=0.9": "", "&threshold=0.1": "cobalt basil amber"} {
		got := h.send("POST", h.url+"/v1/predict?adapter=tags&adapter=cats"+query, "image/png", string(grey(5)))
		var answer struct{ Predictions []prediction }
		expect.NoError(t, json.Unmarshal([]byte(got.body), &answer))
		tags, cats := answer.Predictions[0], answer.Predictions[1]
		if cats.Labels != nil || tags.Labels == nil || tags.Class != "cobalt" || math.Abs(tags.Probability-want[2]) > 1e-9 || len(tags.Top) != 3 {
			t.Fatalf("%s", got.body)
		}
		var names []string
		for _, l := range *tags.Labels {
			names = append(names, l.Class)
			if math.Abs(l.Probability-want[l.Label]) > 1e-9 {
				t.Errorf("%+v, want the probability %v", l, want[l.Label])
			}
		}
		if strings.Join(names, " ") != labels {
			t.Errorf("%s: %v, want %s", query, names, labels)
		}
	}
	h.send("POST", h.url+"/v1/predict?threshold=2", "image/png", string(grey(5))).wants(t, 400, `the parameter threshold is "2": want a probability`)
	var rows struct {
		Predictions []struct{ Probabilities []float64 }
	}
	got := h.send("POST", h.url+"/v1/models/tags:predict", "", `{"instances":[`+b64(grey(5))+`]}`)
	expect.NoError(t, json.Unmarshal([]byte(got.body), &rows))
	for i, p := range rows.Predictions[0].Probabilities {
		if math.Abs(p-want[i]) > 1e-9 {
			t.Errorf("probability %d is %v, want %v", i, p, want[i])
		}
	}
}
