package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// parse reads a JSON body.
func parse(raw []byte, into any) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return unfit("JSON Parse error: The document is empty")
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return unfit("JSON Parse error: %w", err)
	}
	return nil
}

// instances reads the row form: [{"b64": ...}, ...], or [{"image_bytes": {"b64": ...}}, ...].
func (s *server) instances(raw json.RawMessage) ([]file, error) {
	var list []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		return nil, unfit("Expecting 'instances' to be a list/array")
	}
	if len(list) == 0 {
		return nil, unfit("No values in 'instances' array")
	}
	return s.list("instance", list)
}

// inputs reads the column form: {"b64": ...} or a list of such objects, also as the value of "image_bytes".
func (s *server) inputs(raw json.RawMessage) ([]file, error) {
	var named map[string]json.RawMessage
	if raw[0] == '{' {
		if err := json.Unmarshal(raw, &named); err != nil {
			return nil, unfit("JSON Parse error: %w", err)
		}
		if value, ok := named[imagesInput]; ok && len(named) == 1 {
			raw = value
		}
	}
	if raw[0] != '[' {
		f, err := image(raw)
		return []file{f}, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, unfit("JSON Parse error: %w", err)
	}
	if len(list) == 0 {
		return nil, unfit("No values in 'inputs'")
	}
	return s.list("input", list)
}

// list reads images, after it has counted them.
func (s *server) list(what string, list []json.RawMessage) (images []file, err error) {
	if len(list) > s.config.MaxImages {
		return nil, s.tooMany(len(list))
	}
	images = make([]file, len(list))
	for i, raw := range list {
		if images[i], err = image(raw); err != nil {
			return nil, fmt.Errorf("%s %d: %w", what, i, err)
		}
	}
	return images, nil
}

// image reads {"b64": "..."}, also as the value of "image_bytes".
func image(raw json.RawMessage) (f file, err error) {
	fields, err := object(raw)
	if err != nil {
		return f, err
	}
	if value, ok := fields[imagesInput]; ok && len(fields) == 1 {
		return image(value)
	}
	text, ok := fields["b64"]
	if !ok || len(fields) != 1 {
		return f, unfit(`want an object with the key "b64" alone`)
	}
	var encoded string
	if err := json.Unmarshal(text, &encoded); err != nil {
		return f, unfit(`the value of "b64" is not a string`)
	}
	// TensorFlow Serving accepts base64 with and without padding.
	if f.content, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "=")); err != nil {
		return f, unfit("Unable to base64 decode: %w", err)
	}
	return f, nil
}

func object(raw json.RawMessage) (m map[string]json.RawMessage, err error) {
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, unfit(`want an image file as {"b64": "BASE64"}, not %.40s`, raw)
	}
	return m, nil
}

// feature reads the image of an example for classify, an object with one feature of any name.
func feature(example map[string]json.RawMessage) (file, error) {
	if len(example) != 1 {
		return file{}, unfit(`want one feature, as in {"image_bytes": {"b64": "BASE64"}}, not %d`, len(example))
	}
	for _, value := range example {
		return image(value)
	}
	panic("a map of one element is empty")
}
