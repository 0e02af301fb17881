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
	if raw[0] != '[' {
		return nil, unfit("Expecting 'instances' to be a list/array")
	}
	list, err := s.elements(raw)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, unfit("No values in 'instances' array")
	}
	return images("instance", list, image)
}

// inputs reads the column form: {"b64": ...} or a list of such objects, also as the value of "image_bytes".
func (s *server) inputs(raw json.RawMessage) ([]file, error) {
	if name, value, ok := field(raw); ok && name == imagesInput {
		raw = value
	}
	if raw[0] != '[' {
		f, err := image(raw)
		return []file{f}, err
	}
	list, err := s.elements(raw)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, unfit("No values in 'inputs'")
	}
	return images("input", list, image)
}

// elements divides a JSON array. It gives up on one with more elements than a request may have images, before it takes their memory.
func (s *server) elements(raw json.RawMessage) (list []json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, unfit("want a list/array, not %.40s", raw)
	}
	for d.More() {
		if len(list) == s.config.MaxImages {
			return nil, s.tooMany(len(list) + 1)
		}
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return nil, unfit("JSON Parse error: %w", err)
		}
		list = append(list, one)
	}
	return list, nil
}

// field divides a JSON object of a single field. It is false for anything else.
func field(raw json.RawMessage) (name string, value json.RawMessage, ok bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "", nil, false
	}
	t, err := d.Token()
	if name, ok = t.(string); err != nil || !ok || d.Decode(&value) != nil || d.More() {
		return "", nil, false
	}
	return name, value, true
}

// hasFeatures reports whether the context of a request for classify is anything but nothing or an object without fields.
func hasFeatures(context json.RawMessage) bool {
	if len(context) == 0 || string(context) == "null" {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(context))
	t, err := d.Token()
	return err != nil || t != json.Delim('{') || d.More()
}

// images reads the elements of a list.
func images(what string, list []json.RawMessage, read func(json.RawMessage) (file, error)) (files []file, err error) {
	files = make([]file, len(list))
	for i, raw := range list {
		if files[i], err = read(raw); err != nil {
			return nil, fmt.Errorf("%s %d: %w", what, i, err)
		}
	}
	return files, nil
}

// image reads {"b64": "..."}, also as the value of "image_bytes".
func image(raw json.RawMessage) (f file, err error) {
	if name, value, ok := field(raw); ok && name == imagesInput {
		raw = value
	}
	return encodedFile(raw)
}

// encodedFile reads {"b64": "..."}.
func encodedFile(raw json.RawMessage) (f file, err error) {
	if raw[0] != '{' {
		return f, unfit(`want an image file as {"b64": "BASE64"}, not %.40s`, raw)
	}
	name, value, ok := field(raw)
	if !ok || name != "b64" {
		return f, unfit(`want an object with the key "b64" alone`)
	}
	var encoded string
	if err := json.Unmarshal(value, &encoded); err != nil {
		return f, unfit(`the value of "b64" is not a string`)
	}
	// TensorFlow Serving accepts base64 with and without padding.
	if f.content, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "=")); err != nil {
		return f, unfit("Unable to base64 decode: %w", err)
	}
	return f, nil
}

// feature reads the image of an example for classify, an object with one feature of any name.
func feature(raw json.RawMessage) (file, error) {
	_, value, ok := field(raw)
	if !ok {
		return file{}, unfit(`want one feature, as in {"image_bytes": {"b64": "BASE64"}}`)
	}
	return encodedFile(value)
}
