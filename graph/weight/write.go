package weight

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"dtl-tf/graph/tensor"
)

// WriteSafetensors writes a .safetensors file as the reference implementation does: tensors of wider elements
// first, then by name, and a header padded with spaces to a multiple of 8 bytes. Equal content gives equal
// bytes. If a tensor cannot be written, nothing is written.
func WriteSafetensors(w io.Writer, m tensor.Map, metadata map[string]string) error {
	var header bytes.Buffer
	header.WriteByte('{')
	if len(metadata) > 0 {
		text, err := plainJSON(metadata)
		if err != nil {
			return fmt.Errorf("%s: %w", metadataKey, err)
		}
		fmt.Fprintf(&header, "%q:%s,", metadataKey, text)
	}
	type part struct {
		name  string
		kind  kind
		write func(io.Writer) error
	}
	var parts []part
	for _, name := range m.Names() {
		k, write, err := encoding(m[name])
		if err == nil {
			err = checkName(name)
		}
		if err != nil {
			return fmt.Errorf("writing tensor %.200q: %w", name, err)
		}
		parts = append(parts, part{name, k, write})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return a.kind.order() - b.kind.order() })
	at := 0
	for _, p := range parts {
		name, err := plainJSON(p.name)
		if err != nil {
			return fmt.Errorf("writing tensor %.200q: %w", p.name, err)
		}
		shape := m[p.name].Shape
		end := at + tensor.Size(shape)*p.kind.size
		fmt.Fprintf(&header, `%s:{"dtype":"%s","shape":[%s],"data_offsets":[%d,%d]},`, name, p.kind.safetensors, join(shape, ","), at, end)
		at = end
	}
	text := append(bytes.TrimSuffix(header.Bytes(), []byte(",")), '}')
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if len(text) > maxHeader {
		return fmt.Errorf("the header takes %d bytes, %d is the limit", len(text), maxHeader)
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, p := range parts {
		if err := p.write(w); err != nil {
			return fmt.Errorf("writing tensor %.200q: %w", p.name, err)
		}
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == metadataKey:
		return errors.New("the name is taken by the format")
	case !utf8.ValidString(name):
		return errors.New("the name is not UTF-8")
	}
	return nil
}

// plainJSON is json.Marshal without HTML escapes.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// join is the dimensions of a shape as text.
func join(shape []int, separator string) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", separator)
}

// WriteNPZ writes a .npz file for numpy.load: an uncompressed zip member NAME.npy per tensor, sorted by
// name, all dated 1980 so that equal content gives equal bytes. Sizes and checksums precede the data, for
// readers that can't seek.
func WriteNPZ(w io.Writer, m tensor.Map) error {
	z := zip.NewWriter(w)
	for _, name := range m.Names() {
		if err := writeMember(z, name, m[name]); err != nil {
			return fmt.Errorf("writing tensor %.200q: %w", name, err)
		}
	}
	return z.Close()
}

func writeMember(z *zip.Writer, name string, t tensor.Tensor) error {
	k, write, err := encoding(t)
	if err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	header, err := makeNPYHeader(k.numpy, t.Shape)
	if err != nil {
		return err
	}
	crc := crc32.NewIEEE()
	crc.Write(header)
	if err := write(crc); err != nil {
		return err
	}
	size := uint64(len(header) + tensor.Size(t.Shape)*k.size)
	const firstOfJanuary1980 = 1<<5 | 1 // the earliest date of MS-DOS and so of zip
	entry := &zip.FileHeader{
		Name: name + ".npy", Method: zip.Store, ReaderVersion: 20,
		CRC32: crc.Sum32(), CompressedSize64: size, UncompressedSize64: size,
	}
	entry.ModifiedDate = firstOfJanuary1980 //lint:ignore SA1019 CreateRaw writes this field as it is, as numpy has it
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		entry.Flags |= 1 << 11 // the name is UTF-8, not code page 437
	}
	raw, err := z.CreateRaw(entry)
	if err != nil {
		return err
	}
	if _, err := raw.Write(header); err != nil {
		return err
	}
	return write(raw)
}

// makeNPYHeader is a header of version 1.0, padded so that the data begins at a multiple of 64 bytes.
func makeNPYHeader(descr string, shape []int) ([]byte, error) {
	tuple := join(shape, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	const before = 10 // magic, version, length
	text += strings.Repeat(" ", 63-(before+len(text))%64) + "\n"
	if len(text) > 1<<16-1 || len(shape) > maxRank {
		return nil, fmt.Errorf("a shape of %d dimensions does not fit into a .npy header", len(shape))
	}
	return append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text))), text...), nil
}
