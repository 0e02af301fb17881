package serve

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// sameJSON compares an answer with the JSON that TensorFlow Serving's documentation shows, numbers to 1e-9.
func sameJSON(t *testing.T, what string, got reply, want string) {
	t.Helper()
	var g, w any
	expect.NoError(t, json.Unmarshal([]byte(want), &w))
	if err := json.Unmarshal([]byte(got.body), &g); err != nil || got.status != 200 || !alike(g, w) {
		t.Errorf("%s: status %d, %s\nwant %s", what, got.status, got.body, want)
	}
	if kind := got.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s: Content-Type %s", what, kind)
	}
}

func alike(a, b any) bool {
	switch x := a.(type) {
	case float64:
		y, ok := b.(float64)
		return ok && math.Abs(x-y) < 1e-9
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !alike(x[i], y[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if v, ok := y[k]; !ok || !alike(x[k], v) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// TestTFServing: the forms of TensorFlow Serving's REST interface (https://www.tensorflow.org/tfx/serving/api_rest). The probabilities
// of two classes whose logits differ by 1/8 are 1/(1+e^(1/8)) and 1/(1+e^(-1/8)).
func TestTFServing(t *testing.T) {
	h := start(t, nil)
	row := func(level string) string {
		return `{"logits":[` + level + `,` + level + `.125],"probabilities":[0.4687906266,0.5312093734],"label":1,"class":"basil"}`
	}
	one, two := b64(grey(5)), b64(grey(9))
	tiles := h.url + "/v1/models/tiles"
	for what, c := range map[string]struct{ url, body, want string }{
		"rows":           {tiles + ":predict", `{"instances":[` + one + `,` + two + `]}`, `{"predictions":[` + row("205") + `,` + row("209") + `]}`},
		"named rows":     {tiles + ":predict", `{"signature_name":"serving_default","instances":[{"image_bytes":` + one + `}]}`, `{"predictions":[` + row("205") + `]}`},
		"of a version":   {tiles + "/versions/1:predict", `{"instances":[` + one + `]}`, `{"predictions":[` + row("205") + `]}`},
		"columns":        {tiles + ":predict", `{"inputs":[` + one + `,` + two + `]}`, `{"outputs":{"logits":[[205,205.125],[209,209.125]],"probabilities":[[0.4687906266,0.5312093734],[0.4687906266,0.5312093734]],"label":[1,1],"class":["basil","basil"]}}`},
		"named columns":  {tiles + ":predict", `{"inputs":{"image_bytes":[` + one + `]}}`, `{"outputs":{"logits":[[205,205.125]],"probabilities":[[0.4687906266,0.5312093734]],"label":[1],"class":["basil"]}}`},
		"one input":      {tiles + ":predict", `{"inputs":` + one + `}`, `{"outputs":{"logits":[[205,205.125]],"probabilities":[[0.4687906266,0.5312093734]],"label":[1],"class":["basil"]}}`},
		"classification": {tiles + ":classify", `{"examples":[{"image":` + one + `},{"x":` + two + `}]}`, `{"results":[[["basil",0.5312093734],["amber",0.4687906266]],[["basil",0.5312093734],["amber",0.4687906266]]]}`},
	} {
		got := h.send("POST", c.url, "", c.body)
		got.body = rounded(t, got.body)
		sameJSON(t, what, got, c.want)
	}
	status := `{"model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}`
	sameJSON(t, "status", h.send("GET", tiles, "", ""), status)
	sameJSON(t, "status of a version", h.send("GET", tiles+"/versions/1", "", ""), status)
	tensor := func(name, kind, dims string) string {
		return `"` + name + `":{"dtype":"` + kind + `","tensor_shape":{"dim":[{"size":"-1","name":""}` + dims + `],"unknown_rank":false},"name":"` + name + `:0"}`
	}
	wide := `,{"size":"2","name":""}`
	sameJSON(t, "metadata", h.send("GET", tiles+"/metadata", "", ""), `{"model_spec":{"name":"tiles","signature_name":"","version":"1"},
		"metadata":{"signature_def":{"signature_def":{"serving_default":{"inputs":{`+tensor("image_bytes", "DT_STRING", "")+`},
		"outputs":{`+strings.Join([]string{tensor("logits", "DT_FLOAT", wide), tensor("probabilities", "DT_DOUBLE", wide), tensor("label", "DT_INT64", ""), tensor("class", "DT_STRING", "")}, ",")+`},
		"method_name":"tensorflow/serving/predict"}}}}}`)
	h.send("GET", h.url+"/v1/models/none", "", "").wants(t, 404, "Could not find any versions of model none")
	h.send("POST", h.url+"/v1/models/none:predict", "", "{}").wants(t, 404, "Servable not found for request: Latest(none)")
	h.send("GET", tiles+"/versions/7", "", "").wants(t, 404, "version 7")
	h.send("POST", tiles+":regress", "", "{}").wants(t, 400, "classifier")
	h.send("POST", tiles+":paint", "", "{}").wants(t, 404, "Malformed request: POST /v1/models/tiles:paint")
	h.send("GET", tiles+":predict", "", "").wants(t, 405, "use POST")
	h.send("DELETE", tiles, "", "").wants(t, 405, "use GET")
}

// rounded rounds the numbers of a JSON text to ten decimals.
func rounded(t *testing.T, text string) string {
	t.Helper()
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch x := v.(type) {
		case float64:
			return math.Round(x*1e10) / 1e10
		case []any:
			for i := range x {
				x[i] = walk(x[i])
			}
		case map[string]any:
			for k := range x {
				x[k] = walk(x[k])
			}
		}
		return v
	}
	raw, err := json.Marshal(walk(v))
	expect.NoError(t, err)
	return string(raw)
}
