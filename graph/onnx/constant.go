package onnx

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	pb "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// isConstant tells whether a node depends on no input. Its inputs have been seen already. Complex numbers are no constants, because the
// file can't hold them: their parts are.
func (t *translator) isConstant(n *pb.NodeDef) bool {
	switch {
	case n.Op == "Const", n.Op == "VarHandleOp":
		return true
	case len(n.Input) == 0:
		return false
	case t.graph.Operation(n.Name).Output(0).DataType() == tf.Complex64:
		return false
	}
	return !slices.ContainsFunc(n.Input, func(in string) bool { return !t.constant[nodeOf(in)] })
}

// computeBytes bounds the bytes that one run computes. Each run prepares the graph anew, so one for each constant would take seconds.
const computeBytes = 64 << 20

// constants are the values of the constant nodes that other nodes or the outputs read.
func (t *translator) constants() (map[string]tensor.Tensor, error) {
	values := map[string]tensor.Tensor{}
	var computed []string
	for _, name := range t.read() {
		if variable, ok := t.variable(name); ok {
			v, err := t.valueOf(variable)
			if err != nil {
				return nil, err
			}
			shape := t.shape(name)
			if tensor.Size(v.Shape) != tensor.Size(shape) {
				return nil, fmt.Errorf("tensor %s has shape %v, wanted %v", variable, v.Shape, shape)
			}
			v.Shape = shape
			values[name] = v
		} else {
			computed = append(computed, name)
		}
	}
	if len(computed) == 0 {
		return values, nil
	}
	session, err := graph.NewSession(t.graph, graph.SessionOptions{})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	for len(computed) > 0 {
		n, bytes := 0, 0
		for n < len(computed) && bytes < computeBytes {
			bytes += 4 * tensor.Size(t.shape(computed[n]))
			n++
		}
		if err := t.compute(session, computed[:n], values); err != nil {
			return nil, err
		}
		computed = computed[n:]
	}
	return values, nil
}

// read lists the constant values that nodes which are not constant read, or that are outputs, in the order of the nodes.
func (t *translator) read() (list []string) {
	seen := map[string]bool{}
	add := func(value string) {
		if t.constant[nodeOf(value)] && !seen[value] {
			seen[value] = true
			list = append(list, value)
		}
	}
	for _, n := range t.nodes {
		if t.constant[n.Name] {
			continue
		}
		for _, in := range n.Input {
			add(in)
		}
	}
	for _, out := range t.source.Outputs {
		add(valueName(out.Value))
	}
	return list
}

// passes are the ops that return the elements of their input as they are.
var passes = []string{"Identity", "StopGradient", "Reshape"}

// variable is the variable whose elements a value holds as they are, perhaps in another shape.
func (t *translator) variable(value string) (name string, ok bool) {
	n := t.byName[value]
	for n != nil && slices.Contains(passes, n.Op) {
		n = t.byName[n.Input[0]]
	}
	if n == nil || n.Op != "ReadVariableOp" {
		return "", false
	}
	return string(t.byName[n.Input[0]].Attr["shared_name"].GetS()), true
}

// valueOf is the value of a variable.
func (t *translator) valueOf(variable string) (tensor.Tensor, error) {
	v, ok := t.source.Values[variable]
	if !ok {
		return v, fmt.Errorf("tensor %s is missing", variable)
	}
	if v.Float32() == nil && tensor.Size(v.Shape) > 0 {
		return v, fmt.Errorf("tensor %s does not hold float32", variable)
	}
	return v, nil
}

// shape is the static shape of a value.
func (t *translator) shape(value string) []int {
	s := t.output(value).Shape()
	shape := make([]int, max(0, s.NumDimensions()))
	for i := range shape {
		shape[i] = int(s.Size(i))
	}
	return shape
}

// rank is the number of axes of a value.
func (t *translator) rank(value string) int {
	n := t.output(value).Shape().NumDimensions()
	if n < 0 {
		graph.Fail("the number of axes of %s is unknown, so it has no translation to ONNX", value)
	}
	return n
}

func (t *translator) output(value string) tf.Output {
	name, number, _ := strings.Cut(value, ":")
	index, _ := strconv.Atoi(number) // 0 if there is none
	return t.graph.Operation(name).Output(index)
}

// compute runs the graph for some constants. Variables are fed, so the session holds none.
func (t *translator) compute(session *graph.Session, list []string, values map[string]tensor.Tensor) error {
	variables := map[string]string{} // by the node that reads them
	seen := map[string]bool{}
	rest := slices.Clone(list)
	for len(rest) > 0 {
		name := nodeOf(rest[len(rest)-1])
		rest = rest[:len(rest)-1]
		if seen[name] {
			continue
		}
		seen[name] = true
		if variable, ok := t.variable(name); ok && t.byName[name].Op == "ReadVariableOp" {
			variables[name] = variable
			continue
		}
		rest = append(rest, t.byName[name].Input...)
	}
	var feeds []graph.Feed
	for _, node := range slices.Sorted(maps.Keys(variables)) {
		v, err := t.valueOf(variables[node])
		if err != nil {
			return err
		}
		feeds = append(feeds, graph.Feed{Output: t.output(node), Value: v})
	}
	fetches := make([]tf.Output, len(list))
	for i, value := range list {
		fetches[i] = t.output(value)
	}
	got, err := session.Run(feeds, fetches)
	if err != nil {
		return fmt.Errorf("compute the constants of the ONNX graph: %w", err)
	}
	for i, value := range list {
		values[value] = got[i]
	}
	return nil
}

// name is the ONNX name of a value. A constant is added to the model when it is first used.
func (t *translator) name(value string) string {
	if name, ok := t.names[value]; ok {
		return name
	}
	v, ok := t.values[value]
	if !ok {
		graph.Fail("nothing of the ONNX graph computes %s", value)
	}
	name, isVariable := t.variable(value)
	if isVariable {
		name = t.share(name, v)
	} else {
		name = t.store(value, v)
	}
	t.names[value] = name
	return name
}

// share adds a variable to the model, or returns its name if it is there in that shape.
func (t *translator) share(name string, v tensor.Tensor) string {
	for _, c := range t.model.Constants {
		if c.Name == name && !slices.Equal(c.Value.Shape, v.Shape) {
			return t.share(fmt.Sprintf("%s:%v", name, v.Shape), v)
		}
		if c.Name == name {
			return name
		}
	}
	t.model.Constants = append(t.model.Constants, Constant{name, v})
	return name
}

// store adds a constant to the model, or returns the name of an equal one.
func (t *translator) store(name string, v tensor.Tensor) string {
	if list, ok := v.Data.([]int32); ok {
		wide := make([]int64, len(list))
		for i, n := range list {
			wide[i] = int64(n)
		}
		v.Data = wide
	}
	switch v.Data.(type) {
	case []float32, []int64:
	default:
		graph.Fail("the constant %s of type %T has no translation to ONNX", name, v.Data)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%T %v ", v.Data, v.Shape)
	c := Constant{name, v}
	_ = c.write(h) // a hash returns no error
	key := string(h.Sum(nil))
	if known, ok := t.known[key]; ok {
		return known
	}
	t.known[key] = name
	t.model.Constants = append(t.model.Constants, c)
	return name
}

// ints is a constant vector of int64.
func (t *translator) ints(name string, list ...int64) string {
	return t.store(name, tensor.Must(list, len(list)))
}

// scalar is a constant of rank 0.
func (t *translator) scalar(name string, v float32) string { return t.store(name, tensor.Scalar(v)) }
