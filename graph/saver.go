package graph

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// Saver is the part of a graph that writes variables to a TensorFlow checkpoint (format V2) and
// reads them back, each under its own name.
type Saver struct {
	Prefix  Value         // fed with the checkpoint's path without ending, a scalar string
	Written Value         // the prefix again, once everything is written
	Restore *tf.Operation // fills all variables

	save *tf.Operation
}

// Saver adds a Saver of all variables declared so far.
func (vs *Variables) Saver(b *Builder) *Saver {
	b = (&Builder{shared: b.shared}).In("saver")
	s := &Saver{Prefix: b.Placeholder("prefix", tf.String)}
	names, slices := make([]string, len(vs.list)), make([]string, len(vs.list)) // an empty slice is the whole tensor
	types := make([]tf.DataType, len(vs.list))
	reads := make(tf.OutputList, len(vs.list))
	for i, v := range vs.list {
		names[i], types[i], reads[i] = v.Name, tf.Float, v.read
	}
	nameList, sliceList := b.stringList(names), b.stringList(slices)
	s.save = b.operation("SaveV2", nil, s.Prefix.Output, nameList, sliceList, reads)
	s.Written = b.After(s.save).unary("Identity", s.Prefix)

	read := b.operation("RestoreV2", map[string]any{"dtypes": types}, s.Prefix.Output, nameList, sliceList)
	assigned := make([]*tf.Operation, len(vs.list))
	for i, v := range vs.list {
		value := b.cast(Value{Output: read.Output(i), Shape: v.Shape}, v.dtype)
		assigned[i] = b.operation("AssignVariableOp", map[string]any{"dtype": v.dtype}, v.handle, value.Output)
	}
	s.Restore = b.After(assigned...).In("restore").operation("NoOp", nil)
	return s
}

// Save writes the variables as they are in the session. The folder of prefix must exist.
func (s *Saver) Save(session *Session, prefix string) error {
	_, err := session.Run([]Feed{{Output: s.Prefix.Output, Value: tensor.Scalar(prefix)}}, nil, s.save)
	return err
}

// stringList is a vector of strings: Constant can't reshape strings.
func (b *Builder) stringList(list []string) tf.Output {
	value, err := tf.NewTensor(list)
	if err != nil {
		Fail("constant: %w", err)
	}
	return b.operation("Const", map[string]any{"dtype": tf.String, "value": value}).Output(0)
}
