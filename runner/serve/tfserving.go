package serve

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"

	"dtl-tf/runner/internal/classify"
)

// The REST interface of TensorFlow Serving, https://www.tensorflow.org/tfx/serving/api_rest. An adapter is a model with one
// signature: images as files in, logits, probabilities, label and class out.
const (
	signature   = "serving_default"
	imagesInput = "image_bytes"
)

// modelPath splits /v1/models/NAME[/versions/N][/metadata|:VERB].
var modelPath = regexp.MustCompile(`^/v1/models/([^/:]+)(?:/versions/([0-9]+))?(/metadata|:[a-z]+)?$`)

// models answers everything below /v1/models/.
func (s *server) models(w http.ResponseWriter, r *http.Request) error {
	m := modelPath.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return malformed(r)
	}
	name, version, verb := m[1], m[2], m[3]
	list, release, err := s.adapters.acquire(name)
	if err != nil {
		if verb == "" {
			err = failf(http.StatusNotFound, "Could not find any versions of model %.120s", name)
		}
		return err
	}
	adapter := list[0]
	defer release()
	if version != "" && version != strconv.Itoa(adapter.version) {
		return failf(http.StatusNotFound, "Could not find version %s of model %s: it has version %d", version, name, adapter.version)
	}
	want := http.MethodPost
	if verb == "" || verb == "/metadata" {
		want = http.MethodGet
	}
	if r.Method != want {
		return notAllowed(w, r, want)
	}
	switch verb {
	case "":
		entryOf(r).route = "status"
		writeJSON(w, http.StatusOK, status(adapter))
	case "/metadata":
		entryOf(r).route = "metadata"
		writeJSON(w, http.StatusOK, metadata(adapter))
	case ":predict":
		entryOf(r).route = "predict"
		return s.tfPredict(w, r, adapter)
	case ":classify":
		entryOf(r).route = "classify"
		return s.tfClassify(w, r, adapter)
	case ":regress":
		return failf(http.StatusBadRequest, "Expected method name tensorflow/serving/regress: %s is a classifier, use :predict or :classify", name)
	default:
		return malformed(r)
	}
	return nil
}

func malformed(r *http.Request) error {
	return failf(http.StatusNotFound, "Malformed request: %s %.200s", r.Method, r.URL.Path)
}

func status(s *served) any {
	return map[string]any{"model_version_status": []any{map[string]any{
		"version": strconv.Itoa(s.version), "state": "AVAILABLE", "status": map[string]string{"error_code": "OK", "error_message": ""},
	}}}
}

func metadata(s *served) any {
	tensor := func(name, kind string, dims ...int) any {
		shape := []any{}
		for _, d := range dims {
			shape = append(shape, map[string]string{"size": strconv.Itoa(d), "name": ""})
		}
		return map[string]any{"dtype": kind, "tensor_shape": map[string]any{"dim": shape, "unknown_rank": false}, "name": name + ":0"}
	}
	outputs := map[string]any{
		"logits": tensor("logits", "DT_FLOAT", -1, s.Classes()), "probabilities": tensor("probabilities", "DT_DOUBLE", -1, s.Classes()),
		"label": tensor("label", "DT_INT64", -1),
	}
	if s.ClassNames() != nil {
		outputs["class"] = tensor("class", "DT_STRING", -1)
	}
	return map[string]any{
		"model_spec": map[string]string{"name": s.name, "signature_name": "", "version": strconv.Itoa(s.version)},
		"metadata": map[string]any{"signature_def": map[string]any{"signature_def": map[string]any{signature: map[string]any{
			"inputs":  map[string]any{imagesInput: tensor(imagesInput, "DT_STRING", -1)},
			"outputs": outputs, "method_name": "tensorflow/serving/predict",
		}}}},
	}
}

// tfRow is one element of "predictions".
type tfRow struct {
	Logits        []float32 `json:"logits"`
	Probabilities []float64 `json:"probabilities"`
	Label         int       `json:"label"`
	Class         string    `json:"class,omitempty"`
}

func (s *server) tfPredict(w http.ResponseWriter, r *http.Request, adapter *served) error {
	raw, release, err := s.body(w, r)
	if err != nil {
		return err
	}
	defer release()
	var body struct {
		Signature string          `json:"signature_name"`
		Instances json.RawMessage `json:"instances"`
		Inputs    json.RawMessage `json:"inputs"`
	}
	if err := parse(raw, &body); err != nil {
		return err
	}
	if body.Signature != "" && body.Signature != signature {
		return unfit("Serving signature key %.120q not found: the adapter has %q", body.Signature, signature)
	}
	var images []file
	rows := body.Instances != nil
	switch {
	case rows && body.Inputs != nil:
		return unfit("Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist")
	case rows:
		images, err = s.instances(body.Instances)
	case body.Inputs != nil:
		images, err = s.inputs(body.Inputs)
	default:
		return unfit("Missing 'inputs' or 'instances' key")
	}
	if err != nil {
		return err
	}
	a, err := s.ask(r, images, []*served{adapter})
	if err != nil {
		return err
	}
	list := make([]tfRow, len(images))
	for i, one := range a.answers {
		logits := one.logits[0]
		label := classify.Argmax(logits)
		list[i] = tfRow{logits, adapter.probabilities(logits), label, adapter.className(label)}
	}
	if rows {
		writeJSON(w, http.StatusOK, map[string]any{"predictions": list})
		return nil
	}
	writeJSON(w, http.StatusOK, map[string]any{"outputs": columns(list, adapter.ClassNames() != nil)})
	return nil
}

// columns turns rows into one list for each output.
func columns(rows []tfRow, named bool) map[string]any {
	var logits [][]float32
	var probabilities [][]float64
	var labels []int
	var classes []string
	for _, r := range rows {
		logits, probabilities = append(logits, r.Logits), append(probabilities, r.Probabilities)
		labels, classes = append(labels, r.Label), append(classes, r.Class)
	}
	outputs := map[string]any{"logits": logits, "probabilities": probabilities, "label": labels}
	if named {
		outputs["class"] = classes
	}
	return outputs
}

func (s *server) tfClassify(w http.ResponseWriter, r *http.Request, adapter *served) error {
	raw, release, err := s.body(w, r)
	if err != nil {
		return err
	}
	defer release()
	var body struct {
		Signature string          `json:"signature_name"`
		Context   json.RawMessage `json:"context"`
		Examples  json.RawMessage `json:"examples"`
	}
	if err := parse(raw, &body); err != nil {
		return err
	}
	switch {
	case body.Signature != "" && body.Signature != signature:
		return unfit("Serving signature key %.120q not found: the adapter has %q", body.Signature, signature)
	case hasFeatures(body.Context):
		return unfit("'context' has features, which the adapter has no use for: leave it out")
	case len(body.Examples) == 0:
		return unfit("When method is classify, key 'examples' is expected and was not found")
	}
	list, err := s.elements(body.Examples)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return unfit("When method is classify, key 'examples' is expected and was not found")
	}
	files, err := images("example", list, feature)
	if err != nil {
		return err
	}
	a, err := s.ask(r, files, []*served{adapter})
	if err != nil {
		return err
	}
	results := make([][][2]any, len(files))
	for i, one := range a.answers {
		p := adapter.probabilities(one.logits[0])
		for _, class := range order(one.logits[0]) {
			results[i] = append(results[i], [2]any{adapter.labelText(class), p[class]})
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"results": results})
	return nil
}
