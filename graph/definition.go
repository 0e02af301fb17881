package graph

import (
	"bytes"
	"fmt"

	pb "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"
)

// Definition returns the graph built so far as TensorFlow's message. Each node comes after its inputs.
func (b *Builder) Definition() (*pb.GraphDef, error) {
	var raw bytes.Buffer
	if _, err := b.graph.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("export the graph: %w", err)
	}
	def := new(pb.GraphDef)
	if err := proto.Unmarshal(raw.Bytes(), def); err != nil {
		return nil, fmt.Errorf("export the graph: %w", err)
	}
	return def, nil
}
