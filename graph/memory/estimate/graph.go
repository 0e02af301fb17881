package estimate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	attr "github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	def "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
)

// network is a graph as TensorFlow executes it, in the order in which it holds the nodes.
type network struct{ nodes []*node }

// node is a node of a network.
type node struct {
	name, op string // op without the prefixes of oneDNN's variants
	oneDNN   bool   // op had one
	attrs    map[string]*attr.AttrValue
	inputs   []value
	wait     []*node // control inputs
	outputs  []valueType
	users    []user // in the order in which TensorFlow serves them: readers of the outputs, then nodes that wait
}

// value is an output of a node.
type value struct {
	from *node
	slot int
}

func (v value) typ() valueType { return v.from.outputs[v.slot] }

// user is an edge to a node.
type user struct {
	to   *node
	slot int // of the output that it reads, or control
}

// control is the slot of an edge that only orders.
const control = -1

// read reads the graph and infers the types of all values. built tells those of the graph before TensorFlow rewrote it.
func read(g *def.GraphDef, built types) (*network, error) {
	net := &network{}
	byName := map[string]*node{}
	for _, d := range g.GetNode() {
		n := &node{name: d.GetName(), op: plain(d.GetOp()), oneDNN: strings.HasPrefix(d.GetOp(), "_Mkl"), attrs: d.GetAttr()}
		byName[n.name] = n
		net.nodes = append(net.nodes, n)
	}
	for i, d := range g.GetNode() {
		for _, in := range d.GetInput() {
			if err := net.nodes[i].connect(in, byName); err != nil {
				return nil, err
			}
		}
	}
	net.findUsers()
	order, err := net.sorted()
	if err != nil {
		return nil, err
	}
	for _, n := range order {
		if err := n.infer(built); err != nil {
			return nil, err
		}
	}
	return net, nil
}

// plain is an op without the prefixes of variants: _MklNativeFusedMatMul is FusedMatMul.
func plain(op string) string {
	for _, prefix := range []string{"_MklNative", "_Mkl", "_Fused"} {
		if rest, ok := strings.CutPrefix(op, prefix); ok && prefix == "_Fused" {
			return "Fused" + rest
		} else if ok {
			return rest
		}
	}
	return op
}

// connect adds an input in the notation of a GraphDef: NODE, NODE:OUTPUT or ^NODE.
func (n *node) connect(in string, byName map[string]*node) (err error) {
	name, orders := strings.CutPrefix(in, "^")
	name, number, _ := strings.Cut(name, ":")
	slot := 0
	if number != "" {
		if slot, err = strconv.Atoi(number); err != nil {
			return fmt.Errorf("node %s: input %q: %w", n.name, in, err)
		}
	}
	from := byName[name]
	switch {
	case from == nil:
		return fmt.Errorf("node %s reads %q, which the graph lacks", n.name, in)
	case orders:
		n.wait = append(n.wait, from)
	default:
		n.inputs = append(n.inputs, value{from, slot})
	}
	return nil
}

// findUsers lists the users of each node. TensorFlow adds the edges node by node, and a node serves its users in the order of their
// edges (tensorflow/core/common_runtime/graph_view.cc, GraphView::InitializeNode).
func (net *network) findUsers() {
	waiting := map[*node][]user{}
	for _, n := range net.nodes {
		for _, v := range n.inputs {
			v.from.users = append(v.from.users, user{n, v.slot})
		}
		for _, from := range n.wait {
			waiting[from] = append(waiting[from], user{n, control})
		}
	}
	for _, n := range net.nodes {
		n.users = append(n.users, waiting[n]...)
	}
}

// sorted lists the nodes so that each follows its inputs.
func (net *network) sorted() ([]*node, error) {
	pending := map[*node]int{}
	var order []*node
	for _, n := range net.nodes {
		if pending[n] = n.edges(); pending[n] == 0 {
			order = append(order, n)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, u := range order[i].users {
			if pending[u.to]--; pending[u.to] == 0 {
				order = append(order, u.to)
			}
		}
	}
	if missing := len(net.nodes) - len(order); missing > 0 {
		return nil, fmt.Errorf("%d of the graph's %d nodes are in a loop", missing, len(net.nodes))
	}
	return order, nil
}

// edges is the number of edges to n.
func (n *node) edges() int { return len(n.inputs) + len(n.wait) }

// reads tells whether a node reads output i.
func (n *node) reads(i int) bool {
	return slices.ContainsFunc(n.users, func(u user) bool { return u.slot == i })
}
