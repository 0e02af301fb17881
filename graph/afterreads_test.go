package graph

import (
	"bytes"
	"slices"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	def "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"
)

// TestAfterReads: the value waits for the reads of all variables and derived values. TensorFlow may run one that it does not wait for last.
func TestAfterReads(t *testing.T) {
	b := New(RecomputeNone)
	frozen, trainable := NewVariables(), NewVariables()
	kernel := frozen.Declare(b, "kernel", false, 3, 3)
	frozen.Derive(b, "square", func(b *Builder) Value { return b.unary("Square", kernel.Value) })
	trainable.Declare(b, "bias", true, 3)
	ready := b.AfterReads(b.Placeholder("images", tf.Uint8, 2, 3), frozen, trainable)
	var raw bytes.Buffer
	if _, err := b.Graph().WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	g := new(def.GraphDef)
	if err := proto.Unmarshal(raw.Bytes(), g); err != nil {
		t.Fatal(err)
	}
	reads, waits := 0, []string(nil)
	for _, n := range g.Node {
		if n.Name == ready.Op.Name() {
			waits = n.GetInput()
		}
	}
	for _, n := range g.Node {
		if n.GetOp() != "ReadVariableOp" {
			continue
		}
		reads++
		if !slices.Contains(waits, "^"+n.GetName()) {
			t.Errorf("the value waits for %v, not for %s", waits, n.GetName())
		}
	}
	if reads != 3 {
		t.Errorf("%d variables are read, want 3", reads)
	}
	if got := ready.Op.Output(0); got.DataType() != tf.Uint8 {
		t.Errorf("the value has the type %v", got.DataType())
	}
}
