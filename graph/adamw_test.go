package graph

import (
	"bytes"
	"slices"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	def "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	nodedef "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"google.golang.org/protobuf/proto"
)

// TestUpdateWaitsForNothingElse: the moments' handles in an update wait for the gradient, so that TensorFlow runs them with it. Handles that
// wait for nothing run in any order, some after the whole step, and until then the gradient stays alive.
func TestUpdateWaitsForNothingElse(t *testing.T) {
	b := New(RecomputeNone)
	w := NewVariables().Declare(b, "w", true, 3)
	gradient := b.Placeholder("gradient", tf.Float, 3)
	NewAdamW(b, 0).Update(b, w, gradient, false)
	var raw bytes.Buffer
	if _, err := b.Graph().WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	g := new(def.GraphDef)
	if err := proto.Unmarshal(raw.Bytes(), g); err != nil {
		t.Fatal(err)
	}
	nodes := map[string]*nodedef.NodeDef{}
	for _, n := range g.Node {
		nodes[n.Name] = n
	}
	update := nodes["adamw/w/ResourceApplyAdam"]
	for _, in := range update.GetInput()[1:3] {
		n := nodes[in]
		if n.GetOp() != "VarHandleOp" || !slices.Contains(n.GetInput(), "^"+gradient.Op.Name()) {
			t.Errorf("the update reads %s, a %s that waits for %v", in, n.GetOp(), n.GetInput())
		}
	}
}
