package weight

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// metadataKey is the one key of a .safetensors header that is not a tensor.
const metadataKey = "__metadata__"

// parseHeader parses the JSON of a .safetensors file token by token. Unmarshalling would let the last
// of two equal names win and accept "DTYPE" for "dtype".
func parseHeader(text []byte) ([]entry, map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, nil, errors.New("its header is not UTF-8: the file is damaged")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var entries []entry
	var metadata map[string]string
	err := object(d, func(name string) (err error) {
		if name == metadataKey {
			if metadata, err = parseMetadata(d); err != nil {
				return fmt.Errorf("%s: %w", metadataKey, err)
			}
			return nil
		}
		e, err := parseEntry(d)
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", name, err)
		}
		e.name = name
		entries = append(entries, e)
		return nil
	})
	if err == nil {
		if _, end := d.Token(); end != io.EOF { // headers are padded with white space, which Token skips
			err = errors.New("something follows its end")
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("its header cannot be read: %w", noEOF(err))
	}
	return entries, metadata, nil
}

func parseEntry(d *json.Decoder) (entry, error) {
	var e entry
	var offsets []int
	err := object(d, func(key string) (err error) {
		switch key {
		case "dtype":
			e.dtype, err = textValue(d)
		case "shape":
			e.shape, err = integers(d)
		case "data_offsets":
			offsets, err = integers(d)
		default: // ignored, as in the reference implementation
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		}
		if err != nil {
			return fmt.Errorf("%.40q: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return e, err
	}
	if e.dtype == "" || e.shape == nil || len(offsets) != 2 {
		return e, errors.New("it must have dtype, shape and two data_offsets")
	}
	e.begin, e.end = offsets[0], offsets[1]
	return e, nil
}

func parseMetadata(d *json.Decoder) (map[string]string, error) {
	m := map[string]string{}
	err := object(d, func(key string) (err error) {
		if m[key], err = textValue(d); err != nil {
			return fmt.Errorf("%.40q: %w", key, err)
		}
		return nil
	})
	return m, err
}

// object parses an object and calls value to parse the value of each key. A repeated key is an error.
func object(d *json.Decoder, value func(key string) error) error {
	if err := delimiter(d, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := token[string](d, "a name")
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%.200q is there twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	return delimiter(d, '}')
}

// integers parses an array of non-negative integers. An empty array gives an empty slice, not nil.
func integers(d *json.Decoder) ([]int, error) {
	if err := delimiter(d, '['); err != nil {
		return nil, err
	}
	out := []int{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		if len(out) == maxRank {
			return nil, fmt.Errorf("it has more than %d numbers", maxRank)
		}
		number, _ := t.(json.Number)
		v, err := strconv.Atoi(string(number))
		if err != nil || v < 0 {
			return nil, fmt.Errorf("wanted a whole number, found %.40v", t)
		}
		out = append(out, v)
	}
	return out, delimiter(d, ']')
}

func textValue(d *json.Decoder) (string, error) { return token[string](d, "a string") }

func delimiter(d *json.Decoder, want json.Delim) error {
	t, err := token[json.Delim](d, want.String())
	if err == nil && t != want {
		err = fmt.Errorf("wanted %v, found %v", want, t)
	}
	return err
}

// token is the next token, which must be of type T.
func token[T json.Delim | string](d *json.Decoder, wanted string) (t T, err error) {
	next, err := d.Token()
	if err != nil {
		return t, err
	}
	t, ok := next.(T)
	if !ok {
		return t, fmt.Errorf("wanted %s, found %.40v", wanted, next)
	}
	return t, nil
}
