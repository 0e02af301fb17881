package weight

import (
	"fmt"
	"io"

	"dtl-tf/graph/tensor"
)

// Outline reads what a weight file, or the shards that an index lists, say about their tensors. The tensors of the result have
// their names, shapes and element types, but no elements; SHA256 is "". It takes little memory and time whatever the file's size, and
// refuses what OpenContext refuses except for damage within the data.
func Outline(path string) (*File, error) {
	if IsIndex(path) {
		return openShards(path, outlineFile)
	}
	return outlineFile(path)
}

func outlineFile(path string) (*File, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file := &File{Path: path, Parts: []string{path}, Tensors: tensor.Map{}}
	if file.Format, err = detect(f, size, path); err == nil {
		if file.Format == NPZ {
			err = outlineNPZ(f, size, file.Tensors)
		} else {
			file.Metadata, err = outlineSafetensors(f, size, file.Tensors)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func outlineSafetensors(r io.ReaderAt, size int64, into tensor.Map) (map[string]string, error) {
	t, err := readTable(r, size)
	for i := range t.kinds {
		into[t.entries[i].name] = tensor.Tensor{Shape: t.entries[i].shape, Data: t.kinds[i].none()}
	}
	return t.metadata, err
}

func outlineNPZ(r io.ReaderAt, size int64, into tensor.Map) error {
	members, err := openNPZ(r, size)
	if err != nil {
		return err
	}
	for _, f := range members {
		raw, err := unpack(f)
		if err == nil {
			var h npyHeader
			var k kind
			if h, k, _, err = readArrayHeader(raw, f.UncompressedSize64); err == nil {
				into[tensorName(f)] = tensor.Tensor{Shape: h.shape, Data: k.none()}
			}
		}
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", tensorName(f), err)
		}
	}
	return nil
}

// Bytes is the memory that the tensors take once they are read: 4 bytes a float, whatever its width in the file.
func (f *File) Bytes() int64 {
	total := int64(0)
	for _, t := range f.Tensors {
		total += int64(tensor.Size(t.Shape)) * int64(elementSize(t.Data))
	}
	return total
}

func elementSize(data any) int {
	switch data.(type) {
	case []int64:
		return 8
	case []float32, []int32:
		return 4
	}
	return 1
}
