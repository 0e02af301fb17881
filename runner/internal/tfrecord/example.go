package tfrecord

import (
	"fmt"
	"slices"
	"strings"

	pb "github.com/wamuir/graft/tensorflow/core/example/example_protos_go_proto"
	"google.golang.org/protobuf/proto"
)

// Example is a tf.train.Example: features by name.
type Example struct{ features map[string]*pb.Feature }

// Parse decodes the data of a record.
func Parse(data []byte) (Example, error) {
	var e pb.Example
	if err := proto.Unmarshal(data, &e); err != nil {
		return Example{}, fmt.Errorf("not a tf.train.Example: %w", err)
	}
	return Example{e.GetFeatures().GetFeature()}, nil
}

// Has reports whether there is a feature of this name.
func (e Example) Has(name string) bool { return e.features[name] != nil }

// Bytes returns a feature that holds one byte string.
func (e Example) Bytes(name string) ([]byte, error) {
	if values := e.features[name].GetBytesList().GetValue(); len(values) == 1 {
		return values[0], nil
	}
	return nil, e.missing(name, "one byte string")
}

// Int returns a feature that holds one integer.
func (e Example) Int(name string) (int64, error) {
	if values := e.features[name].GetInt64List().GetValue(); len(values) == 1 {
		return values[0], nil
	}
	return 0, e.missing(name, "one whole number")
}

// Ints returns a feature that holds any number of integers.
func (e Example) Ints(name string) ([]int64, error) {
	if list := e.features[name].GetInt64List(); list != nil || e.empty(name) {
		return list.GetValue(), nil
	}
	return nil, e.missing(name, "whole numbers")
}

// Floats returns a feature that holds any number of float32 values.
func (e Example) Floats(name string) ([]float32, error) {
	if list := e.features[name].GetFloatList(); list != nil || e.empty(name) {
		return list.GetValue(), nil
	}
	return nil, e.missing(name, "numbers")
}

// empty reports whether a feature is an empty list, which may be written without its kind.
func (e Example) empty(name string) bool { return e.Has(name) && e.features[name].GetKind() == nil }

func (e Example) missing(name, want string) error {
	if e.Has(name) {
		return fmt.Errorf("feature %q does not hold %s", name, want)
	}
	const maxNames = 20
	var names []string
	for have := range e.features {
		names = append(names, fmt.Sprintf("%.60q", have))
	}
	slices.Sort(names)
	if len(names) > maxNames {
		names = append(names[:maxNames], "...")
	}
	return fmt.Errorf("there is no feature %q, only %s", name, strings.Join(names, ", "))
}
