package weight

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"dtl-tf/graph/tensor"
)

// maxHeader is the size limit of a .safetensors header in bytes, the same as in the reference
// implementation (github.com/huggingface/safetensors).
const maxHeader = 100_000_000

// entry is the description of one tensor in a .safetensors header.
type entry struct {
	name       string
	dtype      string
	shape      []int
	begin, end int // offsets in bytes from the end of the header
}

// readSafetensors reads the length of the header (8 bytes, little-endian), the header (JSON) and the
// tensors, which must follow each other without gaps up to the end of the file.
func readSafetensors(ctx context.Context, r io.ReaderAt, size int64) (tensor.Map, map[string]string, error) {
	field := make([]byte, 8)
	if _, err := r.ReadAt(field, 0); err != nil {
		return nil, nil, fmt.Errorf("it is truncated, download or copy it again: %w", noEOF(err))
	}
	length := binary.LittleEndian.Uint64(field)
	if length > maxHeader || length > uint64(size)-8 {
		return nil, nil, fmt.Errorf("its header claims %d bytes, the file has %d and %d is the limit: the file is truncated or damaged, download or copy it again",
			length, size, maxHeader)
	}
	text := make([]byte, length)
	if _, err := r.ReadAt(text, 8); err != nil && length > 0 {
		return nil, nil, fmt.Errorf("reading its header: %w", noEOF(err))
	}
	entries, metadata, err := parseHeader(text)
	if err != nil {
		return nil, nil, err
	}
	start := 8 + int64(length)
	kinds, err := checkEntries(entries, size-start)
	if err != nil {
		return nil, nil, err
	}
	tensors := make([]tensor.Tensor, len(entries))
	err = parallel(ctx, len(entries), func(i int, buf []byte) error {
		e := entries[i]
		n := tensor.Size(e.shape)
		data, err := kinds[i].decode(io.NewSectionReader(r, start+int64(e.begin), int64(e.end-e.begin)), n, n, buf)
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", e.name, err)
		}
		tensors[i] = tensor.Tensor{Shape: e.shape, Data: data}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	m := make(tensor.Map, len(entries))
	for i, e := range entries {
		m[e.name] = tensors[i]
	}
	return m, metadata, nil
}

// checkEntries sorts the entries by offset and checks that they fill the have bytes after the header
// without gaps or overlaps. It returns the kind of each.
func checkEntries(entries []entry, have int64) ([]kind, error) {
	if len(entries) == 0 {
		return nil, errors.New("it holds no tensors")
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		if a.begin != b.begin {
			return a.begin - b.begin // neither is negative
		}
		return a.end - b.end
	})
	found := make([]kind, len(entries))
	at := 0
	for i, e := range entries {
		k, ok := kindOf(func(k kind) bool { return k.safetensors == e.dtype })
		if !ok {
			return nil, fmt.Errorf("tensor %.200q has type %.20q, this program reads F64, F32, F16, BF16, I64, I32, U8 and BOOL: save it as float32, x.float() in PyTorch", e.name, e.dtype)
		}
		_, size, err := count(e.shape, k.size)
		switch {
		case err != nil:
			return nil, fmt.Errorf("tensor %.200q: %w", e.name, err)
		case e.begin > e.end || e.end-e.begin != size:
			return nil, fmt.Errorf("tensor %.200q: shape %v of type %s takes %d bytes, its offsets are %d to %d: the header is wrong", e.name, e.shape, e.dtype, size, e.begin, e.end)
		case int64(e.end) > have:
			return nil, fmt.Errorf("tensor %.200q: its offsets are %d to %d, the file has %d bytes of data: the file is truncated, download or copy it again", e.name, e.begin, e.end, have)
		case e.begin < at:
			return nil, fmt.Errorf("tensor %.200q: its offsets are %d to %d, which overlaps with %.200q: the header is wrong", e.name, e.begin, e.end, entries[i-1].name)
		case e.begin > at:
			return nil, fmt.Errorf("tensor %.200q: its offsets are %d to %d, %d bytes before it belong to no tensor: the header is wrong", e.name, e.begin, e.end, e.begin-at)
		}
		found[i], at = k, e.end
	}
	if int64(at) != have {
		return nil, fmt.Errorf("%d bytes after the last tensor %.200q belong to no tensor: the file is damaged", have-int64(at), entries[len(entries)-1].name)
	}
	return found, nil
}
