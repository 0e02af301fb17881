package savedmodel

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"slices"

	typepb "github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/limit"
	"dtl-tf/graph/tensor"
)

// maxModel is the size limit of a protocol buffer in bytes.
const maxModel = 1<<31 - 1

// Check returns an error unless a folder holds a SavedModel that can be served: saved_model.pb exists,
// can be parsed, and has Tag and Signature.
func Check(dir fs.FS) error {
	raw, err := limit.ReadFS(dir, ModelFile, maxModel)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("not a SavedModel: %s is missing", ModelFile)
	}
	if err != nil {
		return err
	}
	model := new(pb.SavedModel)
	if err := proto.Unmarshal(raw, model); err != nil {
		return fmt.Errorf("%s is damaged or no SavedModel: it can't be parsed", ModelFile)
	}
	for _, m := range model.MetaGraphs {
		if _, ok := m.SignatureDef[Signature]; ok && slices.Contains(m.GetMetaInfoDef().GetTags(), Tag) {
			return nil
		}
	}
	return fmt.Errorf("%s has no graph with the tag %q and the signature %q", ModelFile, Tag, Signature)
}

// entry locates one tensor in the data file.
type entry struct {
	name  string
	shape []int
	width int64 // bytes of an element
	*pb.BundleEntryProto
}

// ReadVariables reads all variables of a SavedModel, which must be float32 or float16, and verifies their checksums.
// Errors name the file and the tensor. When ctx ends it stops and returns ctx's error.
func ReadVariables(ctx context.Context, dir fs.FS) (tensor.Map, error) {
	entries, err := readIndex(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, missing(err))
	}
	values, err := readData(ctx, dir, entries)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dataFile, missing(err))
	}
	return values, nil
}

// missing shortens a "does not exist" error, whose file the caller names.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("the file is missing")
	}
	return err
}

func readIndex(dir fs.FS) ([]entry, error) {
	raw, err := limit.ReadFS(dir, indexFile, limit.Text)
	if err != nil {
		return nil, err
	}
	var header *pb.BundleHeaderProto
	var entries []entry
	err = readTable(raw, func(key, value []byte) error {
		if len(key) == 0 { // the header has the empty key, so it comes first
			header = new(pb.BundleHeaderProto)
			return proto.Unmarshal(value, header)
		}
		e := entry{name: string(key), BundleEntryProto: new(pb.BundleEntryProto)}
		if err := proto.Unmarshal(value, e.BundleEntryProto); err != nil {
			return fmt.Errorf("tensor %s: %w", e.name, err)
		}
		if err := e.check(); err != nil {
			return fmt.Errorf("tensor %s: %w", e.name, err)
		}
		entries = append(entries, e)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case header == nil:
		return nil, errTable
	case header.NumShards != 1:
		return nil, fmt.Errorf("%d data files: only checkpoints of one are read", header.NumShards)
	case header.Endianness != pb.BundleHeaderProto_LITTLE:
		return nil, errors.New("big-endian checkpoints are not read")
	}
	return entries, nil
}

// check sets the entry's shape and validates its type and size.
func (e *entry) check() error {
	switch e.Dtype {
	case typepb.DataType_DT_FLOAT:
		e.width = 4
	case typepb.DataType_DT_HALF:
		e.width = 2
	default:
		return fmt.Errorf("type %v, wanted DT_FLOAT or DT_HALF", e.Dtype)
	}
	if len(e.Slices) > 0 {
		return errors.New("stored in slices, which is not supported")
	}
	const maxElements = 1 << 40 // keeps the product from overflowing
	n := int64(1)
	for _, d := range e.Shape.GetDim() {
		if d.Size < 0 || d.Size > maxElements/max(n, 1) {
			return fmt.Errorf("shape %v is not possible", e.Shape.GetDim())
		}
		n *= d.Size
		e.shape = append(e.shape, int(d.Size))
	}
	if e.Size != e.width*n || e.Offset < 0 {
		return fmt.Errorf("%d bytes at %d don't fit the shape %v", e.Size, e.Offset, e.shape)
	}
	return nil
}

func readData(ctx context.Context, dir fs.FS, entries []entry) (tensor.Map, error) {
	f, err := limit.OpenFS(dir, dataFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, ok := f.(io.ReaderAt)
	if !ok {
		return nil, fmt.Errorf("%T can't be read at an offset", f)
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.Offset, b.Offset) })
	values := tensor.Map{}
	buf := make([]byte, 1<<20)
	end := int64(0)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch { // before memory is allocated
		case e.Size > info.Size()-e.Offset:
			return nil, fmt.Errorf("truncated: tensor %s ends at byte %d, the file has %d", e.name, e.Offset+e.Size, info.Size())
		case e.Offset < end && e.Size > 0: // overlapping tensors would let a small file expand without bounds
			return nil, fmt.Errorf("damaged: tensor %s begins at byte %d, within the one before", e.name, e.Offset)
		}
		end = max(end, e.Offset+e.Size)
		data, crc, err := readFloats(io.NewSectionReader(r, e.Offset, e.Size), int(e.width), int(e.Size/e.width), buf)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", e.name, err)
		}
		if mask(crc) != e.Crc32C {
			return nil, fmt.Errorf("damaged: the checksum of tensor %s is wrong", e.name)
		}
		values[e.name] = tensor.Must(data, e.shape...)
	}
	return values, nil
}

// readFloats reads n little-endian float32, or float16 if width is 2, through buf and returns them with the CRC-32C of their bytes.
func readFloats(r io.Reader, width, n int, buf []byte) (data []float32, crc uint32, err error) {
	data = make([]float32, n)
	for rest := data; len(rest) > 0; {
		chunk := buf[:min(len(buf), width*len(rest))]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, 0, err
		}
		crc = crc32.Update(crc, castagnoli, chunk)
		count := len(chunk) / width
		for i := range count {
			if width == 2 {
				rest[i] = tensor.FromHalf(binary.LittleEndian.Uint16(chunk[2*i:]))
			} else {
				rest[i] = math.Float32frombits(binary.LittleEndian.Uint32(chunk[4*i:]))
			}
		}
		rest = rest[count:]
	}
	return data, crc, nil
}

// SHA256 is a hash of the files that make up the model: saved_model.pb, the variables and the named files of
// assets.extra. Other files in the folder (a model card) don't count. It equals the output of
//
//	sha256sum assets.extra/NAME saved_model.pb variables/variables.* | sha256sum
//
// in that folder, with the names in this order.
func SHA256(ctx context.Context, dir fs.FS, extra ...string) (string, error) {
	var names []string
	for _, name := range extra {
		names = append(names, ExtraDir+"/"+name)
	}
	list := sha256.New()
	for _, name := range append(names, ModelFile, dataFile, indexFile) {
		f, err := limit.OpenFS(dir, name)
		if err != nil {
			return "", err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, limit.Reader(ctx, f))
		f.Close()
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(list, "%s  %s\n", hex.EncodeToString(sum.Sum(nil)), name)
	}
	return hex.EncodeToString(list.Sum(nil)), nil
}
