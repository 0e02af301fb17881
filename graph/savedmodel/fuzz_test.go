package savedmodel

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	shapepb "github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	typepb "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/tensor"
)

// builtIn is a file of the built-in backbone, cut to at most maxBytes.
func builtIn(f *testing.F, name string, maxBytes int) []byte {
	raw, err := os.ReadFile(filepath.Join("../../saved_models/default", filepath.FromSlash(name)))
	if err != nil {
		f.Fatal(err)
	}
	return raw[:min(len(raw), maxBytes)]
}

// table is an index with one block of the given entries, with correct checksums and uncompressed keys.
func table(entries ...[2]string) []byte {
	block := func(entries [][2]string) []byte {
		var b []byte
		for _, e := range entries {
			b = binary.AppendUvarint(b, 0)
			b = binary.AppendUvarint(b, uint64(len(e[0])))
			b = binary.AppendUvarint(b, uint64(len(e[1])))
			b = append(append(b, e[0]...), e[1]...)
		}
		b = append(b, 0, 0, 0, 0, 1, 0, 0, 0, 0) // one restart, at 0; not compressed
		return binary.LittleEndian.AppendUint32(b, mask(crc32.Checksum(b, castagnoli)))
	}
	handle := func(offset, size int) string {
		return string(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(offset)), uint64(size)))
	}
	data := block(entries)
	index := block([][2]string{{"z", handle(0, len(data)-trailerSize)}})
	footer := []byte(handle(0, 0) + handle(len(data), len(index)-trailerSize))
	footer = append(footer, make([]byte, footerSize-8-len(footer))...)
	return append(append(data, index...), binary.LittleEndian.AppendUint64(footer, tableMagic)...)
}

// message is the encoding of a protocol buffer.
func message(m proto.Message) string {
	raw, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

var oneFile = message(&pb.BundleHeaderProto{NumShards: 1})

// FuzzIndex reads whole indexes. A fuzzer rarely gets past their checksums; FuzzEntry computes them.
func FuzzIndex(f *testing.F) {
	f.Add(builtIn(f, indexFile, 1<<20))
	f.Add(table([2]string{"", oneFile}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 512*len(raw), func() {
			entries, err := readIndex(fstest.MapFS{indexFile: {Data: raw}})
			for _, e := range entries {
				width := map[typepb.DataType]int{typepb.DataType_DT_FLOAT: 4, typepb.DataType_DT_HALF: 2}[e.Dtype]
				if err == nil && e.Size != int64(width*tensor.Size(e.shape)) {
					t.Errorf("%q: %d bytes for the shape %v", e.name, e.Size, e.shape)
				}
			}
		})
	})
}

// FuzzEntry reads the variables of a valid index with two tensors whose entries are arbitrary.
func FuzzEntry(f *testing.F) {
	four := []byte{0, 0, 128, 63, 0, 0, 0, 64, 1, 2, 3, 4, 5, 6, 7, 8} // two floats and garbage
	e := &pb.BundleEntryProto{
		Dtype: typepb.DataType_DT_FLOAT, Size: 8, Crc32C: mask(crc32.Checksum(four[:8], castagnoli)),
		Shape: &shapepb.TensorShapeProto{Dim: []*shapepb.TensorShapeProto_Dim{{Size: 2}}},
	}
	good := message(e)
	e.Shape.Dim[0].Size, e.Size = 1<<38, 1<<40
	huge := message(e)
	f.Add(oneFile, "a", good, huge, four)
	f.Add(oneFile, "a", good, good, four) // both at the same offset
	f.Add(oneFile, "a", good, "", four)
	f.Fuzz(func(t *testing.T, header, name, first, second string, data []byte) {
		raw := table([2]string{"", header}, [2]string{name, first}, [2]string{name + "b", second})
		var values tensor.Map
		var err error
		expect.Memory(t, 256*len(raw)+8*len(data), func() {
			values, err = ReadVariables(t.Context(), fstest.MapFS{indexFile: {Data: raw}, dataFile: {Data: data}})
		})
		if err != nil {
			return
		}
		floats := 0
		for name, v := range values {
			if len(v.Float32()) != tensor.Size(v.Shape) {
				t.Errorf("%q: %d values of shape %v", name, len(v.Float32()), v.Shape)
			}
			floats += len(v.Float32())
		}
		if 4*floats > len(data) {
			t.Errorf("%d floats from %d bytes", floats, len(data))
		}
	})
}

// FuzzModel parses saved_model.pb.
func FuzzModel(f *testing.F) {
	f.Add([]byte(message(&pb.SavedModel{MetaGraphs: []*pb.MetaGraphDef{{
		MetaInfoDef:  &pb.MetaGraphDef_MetaInfoDef{Tags: []string{Tag}},
		SignatureDef: map[string]*pb.SignatureDef{Signature: {}},
	}}})))
	f.Fuzz(func(t *testing.T, raw []byte) {
		expect.Memory(t, 512*len(raw), func() {
			if err := Check(fstest.MapFS{ModelFile: {Data: raw}}); err != nil && !strings.Contains(err.Error(), ModelFile) {
				t.Errorf("the file is not named: %v", err)
			}
		})
	})
}

// TestOverlap checks that tensors can't overlap, which would let a small file expand into many large tensors.
func TestOverlap(t *testing.T) {
	data := make([]byte, 4096)
	e := message(&pb.BundleEntryProto{
		Dtype: typepb.DataType_DT_FLOAT, Size: 4096, Crc32C: mask(crc32.Checksum(data, castagnoli)),
		Shape: &shapepb.TensorShapeProto{Dim: []*shapepb.TensorShapeProto_Dim{{Size: 1024}}},
	})
	entries := [][2]string{{"", oneFile}}
	for i := range 100 {
		entries = append(entries, [2]string{fmt.Sprintf("tensor%03d", i), e})
	}
	model := fstest.MapFS{indexFile: {Data: table(entries...)}, dataFile: {Data: data}}
	if _, err := ReadVariables(t.Context(), model); err == nil || !strings.Contains(err.Error(), "within the one before") || !strings.Contains(err.Error(), dataFile) {
		t.Errorf("error %v", err)
	}
	model[indexFile].Data = table(entries[:2]...)
	if values, err := ReadVariables(t.Context(), model); err != nil || len(values["tensor000"].Float32()) != 1024 {
		t.Errorf("alone: %v", err)
	}
}
