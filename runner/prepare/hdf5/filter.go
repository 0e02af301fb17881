package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
)

// Filters that are read.
const (
	filterDeflate  = 1
	filterShuffle  = 2
	filterFletcher = 3

	maxFilters = 32
)

// otherFilters names common filters of the registry of The HDF Group that are not read.
var otherFilters = map[int]string{4: "szip", 5: "nbit", 6: "scaleoffset", 307: "bzip2", 32000: "LZF", 32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle", 32015: "Zstandard",
	32026: "Blosc2"}

type filter struct{ id int }

// readFilters reads the pipeline of filters.
func (d *Dataset) readFilters(c *cursor) error {
	version, n := c.u8(), c.u8()
	if version != 1 && version != 2 {
		return unsupported("filters of version %d", version)
	}
	if n > maxFilters {
		return fmt.Errorf("it has %d filters, at most %d are possible: %w", n, maxFilters, errFormat)
	}
	if version == 1 {
		c.take(6)
	}
	for range n {
		id, name := c.u16(), 0
		if version == 1 || id >= 256 {
			name = c.u16()
		}
		c.take(2)
		values := c.u16()
		if version == 1 {
			name = (name + 7) &^ 7
		}
		c.take(name)
		c.take(4 * values)
		if version == 1 && values%2 == 1 {
			c.take(4)
		}
		switch {
		case c.err != nil:
			return c.err
		case id == filterDeflate || id == filterShuffle || id == filterFletcher:
			d.filters = append(d.filters, filter{id})
		case otherFilters[id] != "":
			return unsupported("the filter %s", otherFilters[id])
		default:
			return unsupported("filter %d", id)
		}
	}
	return nil
}

// undo reverses the filter. size is that of the chunk without filters, width that of a value.
func (f filter) undo(content []byte, size, width int) ([]byte, error) {
	switch f.id {
	case filterDeflate:
		return inflate(content, size+4)
	case filterFletcher:
		if len(content) < 4 {
			return nil, fmt.Errorf("%d bytes are too few for a checksum: %w", len(content), errFormat)
		}
		data, sum := content[:len(content)-4], binary.LittleEndian.Uint32(content[len(content)-4:])
		sum = sum>>16%65535<<16 | sum&0xffff%65535 // HDF5 may write 65535 for 0
		if got := fletcher32(data); got != sum {
			return nil, fmt.Errorf("its checksum is %08x, want %08x: %w", got, sum, errFormat)
		}
		return data, nil
	}
	return unshuffle(content, width), nil
}

// inflate unpacks at most most bytes.
func inflate(content []byte, most int) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(content))
	if err == nil {
		defer z.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(io.LimitReader(z, int64(most)+1))
		content = b.Bytes()
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	case len(content) > most:
		return nil, fmt.Errorf("it unpacks to more than %d bytes: %w", most, errFormat)
	}
	return content, nil
}

// unshuffle puts the bytes of each value together again, which the filter has sorted by significance.
func unshuffle(content []byte, width int) []byte {
	if width == 1 {
		return content
	}
	values := len(content) / width
	whole := make([]byte, 0, len(content))
	for i := range values {
		for part := range width {
			whole = append(whole, content[part*values+i])
		}
	}
	return append(whole, content[values*width:]...)
}

// fletcher32 is HDF5's checksum: sums modulo 65535 of big-endian words, of which a last odd byte is the high one.
func fletcher32(b []byte) uint32 {
	low, high := uint32(0), uint32(0)
	for len(b) > 0 {
		word := uint32(b[0]) << 8
		if len(b) > 1 {
			word |= uint32(b[1])
		}
		low = (low + word) % 65535
		high = (high + low) % 65535
		b = b[min(2, len(b)):]
	}
	return high<<16 | low
}
