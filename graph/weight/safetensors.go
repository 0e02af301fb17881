package weight

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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

// table is the header of a .safetensors file, checked against the file's size.
type table struct {
	entries  []entry // in order of offset
	kinds    []kind  // of each entry
	metadata map[string]string
	start    int64 // of the data in the file
}

// readTable reads the length of the header (8 bytes, little-endian) and the header (JSON). The tensors must follow each other
// without gaps up to the end of the file.
func readTable(r io.ReaderAt, size int64) (t table, err error) {
	field := make([]byte, 8)
	if _, err := r.ReadAt(field, 0); err != nil {
		return t, fmt.Errorf("it is truncated, download or copy it again: %w", noEOF(err))
	}
	length := binary.LittleEndian.Uint64(field)
	if length > maxHeader || length > uint64(size)-8 {
		return t, fmt.Errorf("its header claims %d bytes, the file has %d and %d is the limit: the file is truncated or damaged, download or copy it again",
			length, size, maxHeader)
	}
	text := make([]byte, length)
	if _, err := r.ReadAt(text, 8); err != nil && length > 0 {
		return t, fmt.Errorf("reading its header: %w", noEOF(err))
	}
	if t.entries, t.metadata, err = parseHeader(text); err != nil {
		return t, err
	}
	t.start = 8 + int64(length)
	t.kinds, err = checkEntries(t.entries, size-t.start)
	return t, err
}

func readSafetensors(ctx context.Context, r io.ReaderAt, size int64) (tensor.Map, map[string]string, error) {
	from, _ := r.(source) // nothing of another reader is deferred
	t, err := readTable(r, size)
	if err != nil {
		return nil, nil, err
	}
	tensors := make([]tensor.Tensor, len(t.entries))
	err = parallel(ctx, len(t.entries), func(i int, buf []byte) error {
		e := t.entries[i]
		n := tensor.Size(e.shape)
		k := t.kinds[i]
		open := func(at int) (io.Reader, error) {
			skip := int64(at) * int64(k.size)
			return io.NewSectionReader(r, t.start+int64(e.begin)+skip, int64(e.end-e.begin)-skip), nil
		}
		in, _ := open(0)
		data, err := from.data(e.name, k, in, n, n, buf, open)
		if err != nil {
			return fmt.Errorf("tensor %.200q: %w", e.name, err)
		}
		tensors[i] = tensor.Tensor{Shape: e.shape, Data: data}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	m := make(tensor.Map, len(t.entries))
	for i, e := range t.entries {
		m[e.name] = tensors[i]
	}
	return m, t.metadata, nil
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
			return nil, fmt.Errorf("tensor %.200q has type %.20q%s, this program reads F64, F32, F16, BF16, I64, I32, U8 and BOOL: %s", e.name, e.dtype, about(e.dtype), refusedType)
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

// refusedType says what to do about a tensor of another type.
const refusedType = "take the model's own float32, float16 or bfloat16 file, or save it as float32 (x.float() in PyTorch)"

// about describes the types of quantised models (safetensors, safetensors/src/tensor.rs, Dtype), "" for others.
func about(dtype string) string {
	switch {
	case strings.HasPrefix(dtype, "F8_"):
		return " (an 8-bit float: the model is quantised)"
	case strings.HasPrefix(dtype, "F4"), strings.HasPrefix(dtype, "F6_"):
		return " (a float below 8 bits: the model is quantised)"
	case dtype == "I8":
		return " (8-bit integers: the model is quantised)"
	}
	return ""
}
