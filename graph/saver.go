package graph

import (
	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// Saver holds the nodes that write variables to a TensorFlow checkpoint (format V2), each under its own name, and restore them.
// The checkpoint stores float32 or float16, whatever type the variables have.
type Saver struct {
	Prefix  Value         // scalar string to feed: the checkpoint's path without extension
	Written Value         // equals Prefix, and is computed once everything is written
	Restore *tf.Operation // assigns all variables

	save *tf.Operation
}

// Saver adds a Saver of all variables declared so far. The checkpoint stores them in the type of p, FP32 or FP16.
func (vs *Variables) Saver(b *Builder, p Precision) *Saver {
	stored := p.DataType()
	b = b.outside().In("saver")
	s := &Saver{Prefix: b.Placeholder("prefix", tf.String)}
	names, sliceSpecs := make([]string, len(vs.list)), make([]string, len(vs.list)) // an empty spec is the whole tensor
	types := make([]tf.DataType, len(vs.list))
	reads := make(tf.OutputList, len(vs.list))
	for i, v := range vs.list {
		names[i], types[i] = v.Name, stored
		reads[i] = b.cast(Value{Output: v.read, Shape: v.Shape}, stored).Output
	}
	nameList, sliceList := b.stringList(names), b.stringList(sliceSpecs)
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

// Save writes the session's current values of the variables. The folder of prefix must exist.
func (s *Saver) Save(session *Session, prefix string) error {
	_, err := session.Run([]Feed{{Output: s.Prefix.Output, Value: tensor.Scalar(prefix)}}, nil, s.save)
	return err
}

// stringList is a constant vector of strings, which Constant can't make because it can't reshape strings.
func (b *Builder) stringList(list []string) tf.Output {
	value, err := tf.NewTensor(list)
	if err != nil {
		Fail("constant: %w", err)
	}
	return b.operation("Const", map[string]any{"dtype": tf.String, "value": value}).Output(0)
}
