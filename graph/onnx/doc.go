// Package onnx translates an inference graph of TensorFlow to ONNX, node by node, and writes it as a file. It does not depend on what
// the graph computes: a layer that is made of ops in the table of rule.go needs nothing here.
//
// What does not depend on the inputs (shapes, tables, products of weights) is computed once, by TensorFlow, and becomes a constant of
// the file. Integers become int64, because ONNX takes shapes and indices in it. Complex numbers, which ONNX's ops do not take, become
// pairs of floats along an additional last axis. Layer norms, GELUs and linear layers become the ops or the patterns of ops that
// runtimes recognise.
//
// Formats: onnx.proto (IR version 8), docs/Operators.md (version 17 of the default operators) and docs/ExternalData.md of
// github.com/onnx/onnx at v1.12.0, the release with these versions.
package onnx

// Versions of the format. ONNX Runtime reads them from 1.12 (July 2022) on.
const (
	irVersion = 8  // IR_VERSION of ONNX 1.12
	Opset     = 17 // the first with LayerNormalization
)
