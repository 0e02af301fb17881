package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// readJSONLines reads an object for each line, with path and label, and split if there are splits. A label is a text, a whole number,
// or a list of them.
func readJSONLines(t *table, content []byte) error {
	number, unused := 0, map[string]bool{}
	for line := range bytes.Lines(content) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := t.addObject(number, line, unused); err != nil {
			if err := t.fault(number, "%w", err); err != nil {
				return err
			}
		}
	}
	t.unused = slices.Sorted(maps.Keys(unused))
	return nil
}

func (t *table) addObject(number int, line []byte, unused map[string]bool) error {
	switch {
	case len(line) > maxLine:
		return fmt.Errorf("the line has %d bytes, more than the limit of %d", len(line), maxLine)
	case !utf8.Valid(line):
		return errors.New("it is not UTF-8")
	}
	object, err := jsonFields(line)
	if err != nil {
		return fmt.Errorf(`want an object such as {"path": "images/1.jpg", "label": "cat"}: %w`, err)
	}
	cells := map[string]json.RawMessage{}
	for name, value := range object {
		column := columnOf(name)
		if column == "" {
			unused[name] = true
			continue
		}
		if cells[column] != nil {
			return fmt.Errorf("two fields mean %s: remove one", column)
		}
		cells[column] = value
	}
	if cells[columnPath] == nil || cells[columnLabel] == nil {
		return errors.New(`want the fields "path" and "label"`)
	}
	if number == 1 || len(t.rows) == 0 {
		t.splits = cells[columnSplit] != nil
	}
	if t.splits != (cells[columnSplit] != nil) {
		return errors.New("either all lines have a split, or none")
	}
	var path, split string
	if err := json.Unmarshal(cells[columnPath], &path); err != nil {
		return fmt.Errorf("the path is not a text: %w", err)
	}
	if t.splits {
		if err := json.Unmarshal(cells[columnSplit], &split); err != nil {
			return fmt.Errorf("the split is not a text: %w", err)
		}
	}
	labels, err := jsonLabels(cells[columnLabel])
	if err != nil {
		return err
	}
	return t.add(number, path, labels, split)
}

// jsonFields reads the fields of an object. It refuses an object that repeats a field. json.Unmarshal would keep the last value.
func jsonFields(line []byte) (map[string]json.RawMessage, error) {
	object := map[string]json.RawMessage{}
	if err := json.Unmarshal(line, &object); err != nil { // anything but one object
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(line))
	_, err := d.Token() // {
	for seen := map[string]bool{}; err == nil && d.More(); {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		text, _ := name.(string)
		if seen[text] {
			return nil, fmt.Errorf("the field %s is there twice: remove one", quoted(text))
		}
		seen[text] = true
		var value json.RawMessage
		err = d.Decode(&value)
	}
	return object, err
}

// jsonLabels reads a label or a list of labels.
func jsonLabels(value json.RawMessage) (labels []string, err error) {
	list := []json.RawMessage{value}
	if value[0] == '[' {
		if err := json.Unmarshal(value, &list); err != nil {
			return nil, err
		}
	}
	for _, one := range list {
		var text string
		if err := json.Unmarshal(one, &text); err == nil && one[0] == '"' {
			labels = append(labels, text)
			continue
		}
		n, err := strconv.Atoi(string(bytes.TrimSpace(one)))
		if err != nil {
			return nil, fmt.Errorf("the label %s is neither a text nor a whole number", quoted(string(one)))
		}
		labels = append(labels, strconv.Itoa(n))
	}
	return labels, nil
}
