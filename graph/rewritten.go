package graph

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	attr "github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	def "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	nodedef "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	types "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/tensor"
)

// Names of the nodes that a dry run adds.
const (
	dryRun     = "dry_run/"
	dryOff     = dryRun + "off"  // fed false
	dryDead    = dryRun + "dead" // never executed, nor is what waits for it
	dryFeed    = dryRun + "feed/"
	dryTheGate = dryRun + "gate"
)

// Rewritten returns the graph that TensorFlow executes in a run of g: what the fetches and targets need, after all rewriting, in
// the order in which TensorFlow holds its nodes. Fed placeholders are there as _Arg nodes.
//
// TensorFlow rewrites a graph only when a session runs it, so Rewritten runs it without executing it: every fed placeholder
// passes through a Switch that is off and every variable waits for one. TensorFlow runs no kernel whose input comes from a branch
// that is off, so it takes no memory for values, and variables need none. The two devices of a machine with a GPU have a
// graph each, for which Rewritten has no use and fails.
func Rewritten(g *tf.Graph, o SessionOptions, feeds, fetches []tf.Output, targets ...*tf.Operation) (*def.GraphDef, error) {
	dry, err := switchOff(g, feeds)
	if err != nil {
		return nil, fmt.Errorf("prepare a dry run: %w", err)
	}
	s, err := NewSession(dry, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	values := []Feed{{Output: dry.Operation(dryOff).Output(0), Value: tensor.Scalar(false)}}
	for _, f := range feeds {
		out := dry.Operation(f.Op.Name()).Output(f.Index)
		empty, err := emptyOf(out.DataType())
		if err != nil {
			return nil, fmt.Errorf("dry run: feed %s: %w", f.Op.Name(), err)
		}
		values = append(values, Feed{Output: out, Value: empty})
	}
	var ends []*tf.Operation
	for _, f := range fetches {
		ends = append(ends, dry.Operation(f.Op.Name()))
	}
	for _, t := range targets {
		ends = append(ends, dry.Operation(t.Name()))
	}
	raw, err := s.session.Rewritten(values, ends)
	if err != nil {
		return nil, fmt.Errorf("dry run: %w", err)
	}
	metadata := new(pb.RunMetadata)
	if err := proto.Unmarshal(raw, metadata); err != nil {
		return nil, fmt.Errorf("read the run's metadata: %w", err)
	}
	if n := len(metadata.GetPartitionGraphs()); n != 1 {
		return nil, fmt.Errorf("the graph is divided between %d devices", n)
	}
	return switchedOn(metadata.GetPartitionGraphs()[0]), nil
}

// emptyOf is a tensor without elements.
func emptyOf(t tf.DataType) (tensor.Tensor, error) {
	switch t {
	case tf.Float:
		return tensor.Tensor{Shape: []int{0}, Data: []float32{}}, nil
	case tf.Int32:
		return tensor.Tensor{Shape: []int{0}, Data: []int32{}}, nil
	case tf.Int64:
		return tensor.Tensor{Shape: []int{0}, Data: []int64{}}, nil
	case tf.Uint8:
		return tensor.Tensor{Shape: []int{0}, Data: []uint8{}}, nil
	}
	return tensor.Tensor{}, errors.New("a tensor of this type can't be fed")
}

// switchOff is a copy of g in which nothing that depends on a feed or a variable is executed.
func switchOff(g *tf.Graph, feeds []tf.Output) (*tf.Graph, error) {
	var raw bytes.Buffer
	if _, err := g.WriteTo(&raw); err != nil {
		return nil, err
	}
	nodes := new(def.GraphDef)
	if err := proto.Unmarshal(raw.Bytes(), nodes); err != nil {
		return nil, err
	}
	typed := func(key string, t types.DataType) map[string]*attr.AttrValue {
		return map[string]*attr.AttrValue{key: {Value: &attr.AttrValue_Type{Type: t}}}
	}
	gated := map[string]string{} // by the input that it replaces
	added := []*nodedef.NodeDef{
		{Name: dryOff, Op: "Placeholder", Attr: typed("dtype", types.DataType_DT_BOOL)},
		{Name: dryTheGate, Op: "Switch", Input: []string{dryOff, dryOff}, Attr: typed("T", types.DataType_DT_BOOL)},
		{Name: dryDead, Op: "Identity", Input: []string{dryTheGate + ":1"}, Attr: typed("T", types.DataType_DT_BOOL)},
	}
	for _, f := range feeds {
		name := f.Op.Name()
		added = append(added, &nodedef.NodeDef{
			Name: dryFeed + name, Op: "Switch", Input: []string{name, dryOff}, Attr: typed("T", types.DataType(f.DataType())),
		})
		gated[name] = dryFeed + name + ":1"
	}
	for _, n := range nodes.Node {
		for i, in := range n.Input {
			if to, ok := gated[in]; ok {
				n.Input[i] = to
			}
		}
		if n.Op == "VarHandleOp" {
			n.Input = append(n.Input, "^"+dryDead)
		}
	}
	nodes.Node = append(added, nodes.Node...)
	edited, err := proto.Marshal(nodes)
	if err != nil {
		return nil, err
	}
	dry := tf.NewGraph()
	return dry, dry.Import(edited, "")
}

// switchedOn removes the nodes that a dry run added. A fed placeholder gets its own name back.
func switchedOn(g *def.GraphDef) *def.GraphDef {
	args, folded := map[string]string{}, map[string]string{} // by node: the placeholder
	for _, n := range g.Node {
		if fed, ok := strings.CutPrefix(n.Name, dryFeed); ok && len(n.Input) > 0 {
			args[n.Input[0]] = fed
		}
		if len(n.Input) > 0 && strings.HasPrefix(n.Name, "ConstantFoldingCtrl/"+dryFeed) { // an anchor for control edges
			folded[n.Name] = strings.TrimSuffix(strings.TrimPrefix(n.Input[0], dryFeed), ":1")
		}
	}
	out := &def.GraphDef{Versions: g.Versions, Library: g.Library}
	for _, n := range g.Node {
		if fed, ok := args[n.Name]; ok {
			n.Name = fed
		} else if strings.HasPrefix(n.Name, dryRun) || strings.HasPrefix(n.Name, "_arg_"+dryRun) || folded[n.Name] != "" {
			continue
		}
		kept := n.Input[:0]
		for _, in := range n.Input {
			name, control := strings.CutPrefix(in, "^")
			mark := ""
			if control {
				mark = "^"
			}
			if fed, ok := strings.CutPrefix(name, dryFeed); ok {
				in = mark + strings.TrimSuffix(fed, ":1")
			} else if folded[name] != "" {
				in = mark + folded[name]
			} else if strings.HasPrefix(name, dryRun) {
				continue
			}
			kept = append(kept, in)
		}
		n.Input = kept
		out.Node = append(out.Node, n)
	}
	return out
}
