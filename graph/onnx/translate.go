package onnx

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	graphpb "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph"
	"dtl-tf/graph/tensor"
)

// Source is a part of a TensorFlow graph: what leads from the inputs to the outputs.
type Source struct {
	Builder *graph.Builder
	Values  tensor.Map // of the variables, by name, float32; it may hold further names
	Inputs  []Named    // any values of the graph; translation starts at them
	Outputs []Named
}

// Named is a value with its name in the ONNX model.
type Named struct {
	Name  string
	Value graph.Value
}

// Translate makes an ONNX model of a graph. It fails if the graph has an op or a type that has no translation, and names it. It runs the
// graph to compute what does not depend on the inputs. Weights that the graph uses as they are are not copied.
func Translate(s Source) (m *Model, err error) {
	defer graph.Catch(&err)
	t, err := newTranslator(s)
	if err != nil {
		return nil, err
	}
	for _, n := range t.nodes { // before anything is computed
		if rules[n.Op] == nil && !t.constant[n.Name] {
			return nil, fmt.Errorf("TensorFlow's op %s (node %s) has no translation to ONNX", n.Op, n.Name)
		}
	}
	if t.values, err = t.constants(); err != nil {
		return nil, err
	}
	for _, in := range s.Inputs {
		t.names[valueName(in.Value)] = in.Name
		t.model.Inputs = append(t.model.Inputs, port(in))
	}
	for _, n := range t.nodes {
		if !t.constant[n.Name] {
			rules[n.Op](op{t, n})
		}
	}
	for _, out := range s.Outputs {
		t.give(out)
		t.model.Outputs = append(t.model.Outputs, port(out))
	}
	t.drop()
	return t.model, nil
}

// translator holds the state of a translation. TensorFlow's values are named as in a NodeDef's inputs, "node" or "node:1".
type translator struct {
	source   Source
	graph    *tf.Graph // the source's without control dependencies
	byName   map[string]*pb.NodeDef
	nodes    []*pb.NodeDef            // on which the outputs depend, each after its inputs
	constant map[string]bool          // nodes that do not depend on an input
	values   map[string]tensor.Tensor // of the constants that other nodes read

	model *Model
	names map[string]string // the ONNX name of a TensorFlow value
	made  map[string]*Node  // by output
	known map[string]string // the names of constants by their content
}

func newTranslator(s Source) (*translator, error) {
	def, err := s.Builder.Definition()
	if err != nil {
		return nil, err
	}
	plain, err := withoutOrder(def)
	if err != nil {
		return nil, err
	}
	t := &translator{
		source: s, graph: plain, byName: map[string]*pb.NodeDef{}, constant: map[string]bool{}, model: &Model{Name: "graph"},
		names: map[string]string{}, made: map[string]*Node{}, known: map[string]string{},
	}
	for _, n := range def.Node {
		t.byName[n.Name] = n
	}
	reached := t.reach()
	for _, n := range def.Node {
		if reached[n.Name] {
			t.nodes = append(t.nodes, n)
			t.constant[n.Name] = t.isConstant(n)
		}
	}
	return t, nil
}

// withoutOrder removes the control dependencies, which only say what runs when, and makes a graph of the rest: so constants can be computed
// without images.
func withoutOrder(def *graphpb.GraphDef) (*tf.Graph, error) {
	for _, n := range def.Node {
		n.Input = slices.DeleteFunc(n.Input, func(in string) bool { return strings.HasPrefix(in, "^") })
	}
	raw, err := proto.Marshal(def)
	if err != nil {
		return nil, fmt.Errorf("copy the graph: %w", err)
	}
	plain := tf.NewGraph()
	if err := plain.Import(raw, ""); err != nil {
		return nil, fmt.Errorf("copy the graph: %w", err)
	}
	return plain, nil
}

// reach finds the nodes on which the outputs depend, without the inputs and what lies before them.
func (t *translator) reach() map[string]bool {
	done := map[string]bool{}
	for _, in := range t.source.Inputs {
		done[nodeOf(valueName(in.Value))] = true
	}
	reached := map[string]bool{}
	var rest []string
	for _, out := range t.source.Outputs {
		rest = append(rest, nodeOf(valueName(out.Value)))
	}
	for len(rest) > 0 {
		name := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		if done[name] {
			continue
		}
		done[name], reached[name] = true, true
		for _, in := range t.byName[name].Input {
			rest = append(rest, nodeOf(in))
		}
	}
	return reached
}

// valueName names a value as a NodeDef's inputs do.
func valueName(v graph.Value) string {
	if v.Index == 0 {
		return v.Op.Name()
	}
	return fmt.Sprintf("%s:%d", v.Op.Name(), v.Index)
}

// nodeOf is the name of the node that computes a value.
func nodeOf(value string) string {
	name, _, _ := strings.Cut(value, ":")
	return name
}

func port(n Named) Port {
	return Port{Name: n.Name, Type: typeOf(n.Name, n.Value.DataType()), Shape: n.Value.Shape}
}

// typeOf is the ONNX type of a TensorFlow type.
func typeOf(what string, dtype tf.DataType) Type {
	switch dtype {
	case tf.Float:
		return Float
	case tf.Uint8:
		return Uint8
	case tf.Int32, tf.Int64:
		return Int64
	}
	graph.Fail("%s is of TensorFlow's type %d, which has no translation to ONNX", what, dtype)
	panic("unreachable")
}

// add adds a node to the model and returns its output.
func (t *translator) add(output, kind string, inputs []string, attributes ...Attribute) string {
	n := &Node{Op: kind, Inputs: inputs, Outputs: []string{output}, Attributes: attributes}
	if t.made[output] != nil {
		graph.Fail("two nodes of the ONNX graph would compute %s", output)
	}
	t.made[output] = n
	t.model.Nodes = append(t.model.Nodes, *n)
	return output
}

// give gives an output of the model its name.
func (t *translator) give(out Named) {
	if t.made[out.Name] != nil {
		graph.Fail("the output %s has the name of a node", out.Name)
	}
	name := t.name(valueName(out.Value))
	n := t.made[name]
	if n == nil || slices.ContainsFunc(t.model.Outputs, func(p Port) bool { return p.Name == name }) { // an input, a constant or another output
		t.add(out.Name, "Identity", []string{name})
		return
	}
	for i := range t.model.Nodes {
		for _, list := range [][]string{t.model.Nodes[i].Inputs, t.model.Nodes[i].Outputs} {
			for k := range list {
				if list[k] == name {
					list[k] = out.Name
				}
			}
		}
	}
	delete(t.made, name)
	t.made[out.Name] = n
	for value, known := range t.names {
		if known == name {
			t.names[value] = out.Name
		}
	}
}

// drop removes the nodes and constants that no output needs, such as the nodes that a pattern has replaced.
func (t *translator) drop() {
	needed := map[string]bool{}
	for _, p := range t.model.Outputs {
		needed[p.Name] = true
	}
	var nodes []Node
	for _, n := range slices.Backward(t.model.Nodes) {
		if !needed[n.Outputs[0]] {
			continue
		}
		for _, in := range n.Inputs {
			needed[in] = true
		}
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	t.model.Nodes = nodes
	t.model.Constants = slices.DeleteFunc(t.model.Constants, func(c Constant) bool { return !needed[c.Name] })
}
