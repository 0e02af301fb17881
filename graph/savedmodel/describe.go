package savedmodel

import (
	"fmt"
	"slices"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
	nodepb "github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	defpb "github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	shapepb "github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	typepb "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph"
)

const (
	schemaVersion = 1                            // kSavedModelSchemaVersion
	predictMethod = "tensorflow/serving/predict" // kPredictMethodName
)

// describe returns the content of saved_model.pb. Equal graphs give equal bytes.
func describe(m Model, s *graph.Saver) ([]byte, error) {
	signatures := map[string]*pb.SignatureDef{}
	needed := []string{s.Prefix.Op.Name(), s.Written.Op.Name(), s.Restore.Name()}
	for name, call := range m.Signatures {
		signatures[name] = &pb.SignatureDef{Inputs: infos(call.Inputs), Outputs: infos(call.Outputs)}
		signatures[name].MethodName = predictMethod //lint:ignore SA1019 deprecated, but older servers look for it
		for _, values := range []map[string]graph.Value{call.Inputs, call.Outputs} {
			for _, v := range values {
				needed = append(needed, v.Op.Name())
			}
		}
	}
	nodes, err := m.Builder.Definition()
	if err != nil {
		return nil, err
	}
	prune(nodes, needed)
	return proto.MarshalOptions{Deterministic: true}.Marshal(&pb.SavedModel{
		SavedModelSchemaVersion: schemaVersion,
		MetaGraphs: []*pb.MetaGraphDef{{
			MetaInfoDef: &pb.MetaGraphDef_MetaInfoDef{Tags: []string{Tag}, TensorflowVersion: tf.Version()},
			GraphDef:    nodes,
			SaverDef: &pb.SaverDef{
				FilenameTensorName: tensorName(s.Prefix), SaveTensorName: tensorName(s.Written),
				RestoreOpName: s.Restore.Name(), Version: pb.SaverDef_V2,
			},
			SignatureDef: signatures,
		}},
	})
}

func tensorName(v graph.Value) string { return fmt.Sprintf("%s:%d", v.Op.Name(), v.Index) }

func infos(values map[string]graph.Value) map[string]*pb.TensorInfo {
	list := map[string]*pb.TensorInfo{}
	for name, v := range values {
		shape := &shapepb.TensorShapeProto{}
		for _, d := range v.Shape { // both sides use -1 for unknown
			shape.Dim = append(shape.Dim, &shapepb.TensorShapeProto_Dim{Size: int64(d)})
		}
		list[name] = &pb.TensorInfo{
			Encoding: &pb.TensorInfo_Name{Name: tensorName(v)}, Dtype: typepb.DataType(v.DataType()), TensorShape: shape,
		}
	}
	return list
}

// prune removes every node on which no needed node depends.
func prune(g *nodepb.GraphDef, needed []string) {
	byName := map[string]*defpb.NodeDef{}
	for _, n := range g.Node {
		byName[n.Name] = n
	}
	reached := map[string]bool{}
	for len(needed) > 0 {
		name := needed[len(needed)-1]
		needed = needed[:len(needed)-1]
		if reached[name] {
			continue
		}
		reached[name] = true
		for _, input := range byName[name].GetInput() { // "node", "node:1" or "^node"
			name, _, _ := strings.Cut(strings.TrimPrefix(input, "^"), ":")
			needed = append(needed, name)
		}
	}
	g.Node = slices.DeleteFunc(g.Node, func(n *defpb.NodeDef) bool { return !reached[n.Name] })
}
