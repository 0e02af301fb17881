package onnx

import (
	"encoding/binary"
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// fields are the fields of a protocol buffer by number: uint64 for numbers, []byte for everything else.
type fields map[protowire.Number][]any

// walk reads a protocol buffer, whatever its type. It is independent of encode.go.
func walk(t *testing.T, raw []byte) fields {
	t.Helper()
	f := fields{}
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			t.Fatalf("no tag: %v", protowire.ParseError(n))
		}
		raw = raw[n:]
		var v any
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(raw)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(raw)
			v = uint64(bits)
		case protowire.BytesType:
			v, n = protowire.ConsumeBytes(raw)
		default:
			t.Fatalf("field %d has the wire type %d", number, kind)
		}
		if n < 0 {
			t.Fatalf("field %d: %v", number, protowire.ParseError(n))
		}
		f[number], raw = append(f[number], v), raw[n:]
	}
	return f
}

func (f fields) number(field protowire.Number) int64 {
	for _, v := range f[field] {
		return int64(v.(uint64))
	}
	return 0
}

func (f fields) text(field protowire.Number) string {
	for _, v := range f[field] {
		return string(v.([]byte))
	}
	return ""
}

func (f fields) texts(field protowire.Number) (list []string) {
	for _, v := range f[field] {
		list = append(list, string(v.([]byte)))
	}
	return list
}

func (f fields) numbers(field protowire.Number) (list []int64) {
	for _, v := range f[field] {
		list = append(list, int64(v.(uint64)))
	}
	return list
}

func (f fields) parts(t *testing.T, field protowire.Number) (list []fields) {
	for _, v := range f[field] {
		list = append(list, walk(t, v.([]byte)))
	}
	return list
}

// readNode is a node of a file. Attributes hold int64, []int64 or float32.
type readNode struct {
	op              string
	inputs, outputs []string
	attributes      map[string]any
}

// readConstant is a constant of a file. raw is nil if it is in a second file.
type readConstant struct {
	dims     []int64
	kind     int64
	raw      []byte
	external map[string]string
}

// readModel is a file, with the field numbers of onnx.proto of ONNX 1.12.
type readModel struct {
	ir, opset         int64
	producer, version string
	metadata          map[string]string
	nodes             []readNode
	constants         map[string]readConstant
	inputs, outputs   map[string][]any // the element type, then the dimensions: int64 or string
}

func read(t *testing.T, raw []byte) readModel {
	t.Helper()
	f := walk(t, raw)
	opset := f.parts(t, 8)
	if len(opset) != 1 || opset[0].text(1) != "" || len(f[7]) != 1 {
		t.Fatalf("%d sets of operators, %d graphs", len(opset), len(f[7]))
	}
	g := f.parts(t, 7)[0]
	m := readModel{
		ir: f.number(1), opset: opset[0].number(2), producer: f.text(2), version: f.text(3), metadata: map[string]string{},
		constants: map[string]readConstant{}, inputs: readPorts(t, g.parts(t, 11)), outputs: readPorts(t, g.parts(t, 12)),
	}
	for _, e := range f.parts(t, 14) {
		m.metadata[e.text(1)] = e.text(2)
	}
	for _, n := range g.parts(t, 1) {
		r := readNode{n.text(4), n.texts(1), n.texts(2), map[string]any{}}
		for _, a := range n.parts(t, 5) {
			switch a.number(20) {
			case 1:
				r.attributes[a.text(1)] = math.Float32frombits(uint32(a.number(2)))
			case 2:
				r.attributes[a.text(1)] = a.number(3)
			case 7:
				r.attributes[a.text(1)] = a.numbers(8)
			default:
				t.Errorf("an attribute of type %d", a.number(20))
			}
		}
		m.nodes = append(m.nodes, r)
	}
	for _, c := range g.parts(t, 5) {
		r := readConstant{dims: c.numbers(1), kind: c.number(2), external: map[string]string{}}
		for _, raw := range c[9] {
			r.raw = raw.([]byte)
		}
		for _, e := range c.parts(t, 13) {
			r.external[e.text(1)] = e.text(2)
		}
		if (len(r.external) > 0) != (c.number(14) == 1) || (len(r.external) > 0) == (c[9] != nil) {
			t.Errorf("constant %s: external %v, location %d, %d bytes inside", c.text(8), r.external, c.number(14), len(r.raw))
		}
		m.constants[c.text(8)] = r
	}
	return m
}

func readPorts(t *testing.T, list []fields) map[string][]any {
	ports := map[string][]any{}
	for _, p := range list {
		of := p.parts(t, 2)[0].parts(t, 1)[0]
		port := []any{of.number(1)}
		for _, d := range of.parts(t, 2)[0].parts(t, 1) {
			if name := d.text(2); name != "" {
				port = append(port, name)
			} else {
				port = append(port, d.number(1))
			}
		}
		ports[p.text(1)] = port
	}
	return ports
}

// floats are the values of a constant.
func floats(raw []byte) []float32 {
	list := make([]float32, len(raw)/4)
	for i := range list {
		list[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return list
}

// since are the versions of the default operators since which their ops are as this package uses them, from docs/Operators.md of ONNX
// 1.12. Version 18 changes the reductions.
var since = map[string]int{
	"Abs": 13, "Add": 14, "Cast": 13, "Concat": 13, "Conv": 11, "Div": 14, "Erf": 13, "Exp": 13, "Gather": 13, "Gemm": 13, "Identity": 16,
	"LayerNormalization": 17, "MatMul": 13, "Max": 13, "Min": 13, "Mul": 14, "Neg": 13, "Pad": 13, "Reciprocal": 13, "ReduceMean": 13, "ReduceSum": 13,
	"Relu": 14, "Reshape": 14, "Shape": 15, "Sigmoid": 13, "Slice": 13, "Softmax": 13, "Sqrt": 13, "Sub": 14, "Tanh": 13, "Tile": 13, "Transpose": 13,
}

// check checks that a file is a graph: each node is of a known op and reads what was computed before, and each name stands for one value.
func (m readModel) check(t *testing.T) {
	t.Helper()
	if m.ir != 8 || m.opset != 17 {
		t.Errorf("IR version %d, operators %d", m.ir, m.opset)
	}
	known := map[string]bool{}
	define := func(name string) {
		if name == "" || known[name] {
			t.Errorf("the name %q stands for two values", name)
		}
		known[name] = true
	}
	for name := range m.inputs {
		define(name)
	}
	used := map[string]bool{}
	for name, c := range m.constants {
		define(name)
		size := map[int64]int64{1: 4, 7: 8}[c.kind]
		for _, d := range c.dims {
			size *= d
		}
		if size == 0 && len(c.raw) > 0 || len(c.external) == 0 && int64(len(c.raw)) != size {
			t.Errorf("constant %s of type %d and shape %v has %d bytes", name, c.kind, c.dims, len(c.raw))
		}
	}
	for _, n := range m.nodes {
		if v := since[n.op]; v == 0 || v > 17 {
			t.Errorf("%s is not an op of version 17", n.op)
		}
		for _, in := range n.inputs {
			if used[in] = true; !known[in] {
				t.Errorf("%s reads %q, which nothing before computes", n.op, in)
			}
		}
		for _, out := range n.outputs {
			define(out)
		}
	}
	for name := range m.outputs {
		if used[name] = true; !known[name] {
			t.Errorf("nothing computes the output %s", name)
		}
	}
	for name := range m.constants {
		if !used[name] {
			t.Errorf("nothing reads the constant %s", name)
		}
	}
}

// ops counts the nodes by op.
func (m readModel) ops() map[string]int {
	counts := map[string]int{}
	for _, n := range m.nodes {
		counts[n.op]++
	}
	return counts
}
