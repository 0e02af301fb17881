package onnx

import (
	"encoding/binary"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of onnx.proto.
const (
	modelIRVersion, modelProducer, modelProducerVersion, modelGraph, modelOpset, modelMetadata = 1, 2, 3, 7, 8, 14
	opsetVersion                                                                               = 2
	entryKey, entryValue                                                                       = 1, 2
	graphNode, graphName, graphConstant, graphDoc, graphInput, graphOutput                     = 1, 2, 5, 10, 11, 12
	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute                                     = 1, 2, 3, 4, 5
	attributeName, attributeFloat, attributeInt, attributeInts, attributeType                  = 1, 2, 3, 8, 20
	tensorDims, tensorType, tensorName, tensorRaw, tensorExternal, tensorLocation              = 1, 2, 8, 9, 13, 14
	portName, portType, typeTensor, typeElement, typeShape, shapeDim, dimValue, dimName        = 1, 2, 1, 1, 2, 1, 1, 2
)

// Values of AttributeProto.AttributeType and TensorProto.DataLocation.
const (
	typeFloat, typeInt, typeInts = 1, 2, 7
	locationExternal             = 1
)

// Batch is the name of the only dimension that is not fixed.
const Batch = "batch"

// message is a protocol buffer that is being written.
type message []byte

func (m *message) number(field protowire.Number, v int64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(v))
}

func (m *message) text(field protowire.Number, v string) {
	if v != "" {
		*m = protowire.AppendString(protowire.AppendTag(*m, field, protowire.BytesType), v)
	}
}

func (m *message) part(field protowire.Number, v message) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), v)
}

// begins starts a field of a known size, whose content follows.
func (m *message) begins(field protowire.Number, size int64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.BytesType), uint64(size))
}

// piece is a part of a file: bytes, and then the value of a constant or nothing.
type piece struct {
	head  message
	value *Constant
}

func (p piece) size() int64 {
	n := int64(len(p.head))
	if p.value != nil {
		n += p.value.bytes()
	}
	return n
}

func sizeOf(list []piece) (n int64) {
	for _, p := range list {
		n += p.size()
	}
	return n
}

// pieces is the file, with the values of all constants for which place returns nil, and the places of the others.
func (m *Model) pieces(place func(c *Constant) *place) []piece {
	graph := []piece{{head: m.graphHead()}}
	for i := range m.Constants {
		c := &m.Constants[i]
		at := place(c)
		head := c.head(at)
		size := int64(len(head))
		if at == nil {
			head.begins(tensorRaw, c.bytes())
			size = int64(len(head)) + c.bytes()
		}
		var field message
		field.begins(graphConstant, size)
		p := piece{head: append(field, head...)}
		if at == nil {
			p.value = c
		}
		graph = append(graph, p)
	}
	var start, opset message
	start.number(modelIRVersion, irVersion)
	start.text(modelProducer, m.Producer)
	start.text(modelProducerVersion, m.Version)
	opset.number(opsetVersion, Opset)
	start.part(modelOpset, opset)
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		start.part(modelMetadata, entry(key, m.Metadata[key]))
	}
	start.begins(modelGraph, sizeOf(graph))
	return append([]piece{{head: start}}, graph...)
}

func entry(key, value string) (m message) {
	m.text(entryKey, key)
	m.text(entryValue, value)
	return m
}

// graphHead is the graph without its constants.
func (m *Model) graphHead() (g message) {
	for _, n := range m.Nodes {
		g.part(graphNode, n.encode())
	}
	g.text(graphName, m.Name)
	g.text(graphDoc, m.Doc)
	for _, p := range m.Inputs {
		g.part(graphInput, p.encode())
	}
	for _, p := range m.Outputs {
		g.part(graphOutput, p.encode())
	}
	return g
}

func (n Node) encode() (m message) {
	for _, v := range n.Inputs {
		m.text(nodeInput, v)
	}
	for _, v := range n.Outputs {
		m.text(nodeOutput, v)
	}
	m.text(nodeName, n.Outputs[0])
	m.text(nodeOp, n.Op)
	for _, a := range n.Attributes {
		m.part(nodeAttribute, a.encode())
	}
	return m
}

func (a Attribute) encode() (m message) {
	m.text(attributeName, a.Name)
	switch v := a.Value.(type) {
	case int64:
		m.number(attributeInt, v)
		m.number(attributeType, typeInt)
	case float32:
		m = protowire.AppendFixed32(protowire.AppendTag(m, attributeFloat, protowire.Fixed32Type), math.Float32bits(v))
		m.number(attributeType, typeFloat)
	case []int64:
		for _, n := range v {
			m.number(attributeInts, n)
		}
		m.number(attributeType, typeInts)
	}
	return m
}

func (p Port) encode() (m message) {
	var shape, ofTensor, ofPort message
	for _, d := range p.Shape {
		var dim message
		if d < 0 {
			dim.text(dimName, Batch)
		} else {
			dim.number(dimValue, int64(d))
		}
		shape.part(shapeDim, dim)
	}
	ofTensor.number(typeElement, int64(p.Type))
	ofTensor.part(typeShape, shape)
	ofPort.part(typeTensor, ofTensor)
	m.text(portName, p.Name)
	m.part(portType, ofPort)
	return m
}

// head is a constant without its value. at is where the value is, nil if it follows.
func (c *Constant) head(at *place) (m message) {
	for _, d := range c.Value.Shape {
		m.number(tensorDims, int64(d))
	}
	m.number(tensorType, int64(c.elementType()))
	m.text(tensorName, c.Name)
	if at != nil {
		m.part(tensorExternal, entry("location", at.file))
		m.part(tensorExternal, entry("offset", strconv.FormatInt(at.offset, 10)))
		m.part(tensorExternal, entry("length", strconv.FormatInt(c.bytes(), 10)))
		m.number(tensorLocation, locationExternal)
	}
	return m
}

func writePieces(w io.Writer, list []piece) error {
	for _, p := range list {
		if _, err := w.Write(p.head); err != nil {
			return err
		}
		if p.value != nil {
			if err := p.value.write(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// chunk is the number of elements that are encoded at a time.
const chunk = 1 << 14

// write writes the value in little-endian order, whatever the processor's is.
func (c *Constant) write(w io.Writer) error {
	if floats := c.Value.Float32(); floats != nil {
		return writeValues(w, floats)
	}
	return writeValues(w, c.Value.Data.([]int64))
}

func writeValues[T float32 | int64](w io.Writer, values []T) error {
	var buf []byte
	for part := range slices.Chunk(values, chunk) {
		buf, _ = binary.Append(buf[:0], binary.LittleEndian, part)
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}
