package hdf5

import (
	"errors"
	"fmt"
	"math"
)

// Dataset is an array of whole numbers. Its first dimension counts rows.
type Dataset struct {
	Shape []int
	Type  Type

	file      *File
	row       int // bytes of a row
	layout    int
	data      extent // of a contiguous array
	compact   []byte
	tree      uint64
	chunk     []int // dimensions of a chunk
	chunkSize int   // its bytes, unpacked
	filters   []filter
	window    []byte // unpacked rows around the last one that was read
	windowAt  int    // its first row, -1: none
	height    int    // rows of a window, at most those of a chunk
}

// Type describes the values of an array.
type Type struct {
	Bytes     int // of a value: 1, 2, 4 or 8
	Signed    bool
	BigEndian bool
}

// Layouts of arrays.
const (
	compact    = 0
	contiguous = 1
	chunked    = 2

	maxRank  = 32
	maxBytes = 1 << 46 // of an array
	maxChunk = 64 << 20
	maxRatio = 1100 // deflate reaches 1:1032
)

// maxWindow is how many bytes of unpacked rows are held. It is a variable for tests.
var maxWindow = 48 << 20

// classes of types that are not whole numbers.
var classes = []string{"integers", "floating-point numbers", "times", "strings", "bit fields", "opaque values", "compounds", "references",
	"enumerations", "sequences of variable length", "arrays"}

// describe reads the messages of an object header.
func (d *Dataset) describe(messages []message) error {
	seen := map[int]bool{}
	for _, m := range messages {
		c := &cursor{b: m.data}
		var err error
		switch m.kind {
		case msgDataspace, msgDatatype, msgLayout, msgFilters:
			if m.shared {
				return unsupported("shared messages")
			}
			if seen[m.kind] {
				return fmt.Errorf("it is described twice: %w", errFormat)
			}
			seen[m.kind] = true
		}
		switch m.kind {
		case msgDataspace:
			err = d.readShape(c)
		case msgDatatype:
			err = d.readType(c)
		case msgLayout:
			err = d.readLayout(c)
		case msgFilters:
			err = d.readFilters(c)
		case msgExternal:
			err = unsupported("values in other files")
		}
		if err == nil {
			err = c.err
		}
		if err != nil {
			return err
		}
	}
	if !seen[msgDataspace] || !seen[msgDatatype] || !seen[msgLayout] {
		return errors.New("it is a group, or lacks a shape, a type or values")
	}
	return d.check()
}

func (d *Dataset) readShape(c *cursor) error {
	version, rank, flags := c.u8(), c.u8(), c.u8()
	switch version {
	case 1:
		c.take(5)
	case 2:
		if kind := c.u8(); kind == 2 {
			return unsupported("an array without values")
		}
	default:
		return unsupported("a shape of version %d", version)
	}
	_ = flags // whether maximal dimensions follow
	if rank > maxRank {
		return fmt.Errorf("it has %d dimensions, at most %d are possible: %w", rank, maxRank, errFormat)
	}
	total := uint64(1)
	for i := range rank {
		n := c.u64()
		if n > maxBytes || n > 0 && total > maxBytes/n {
			return fmt.Errorf("dimension %d is %d, which no data set has: %w", i, n, errFormat)
		}
		total *= n
		d.Shape = append(d.Shape, int(n))
	}
	return nil
}

func (d *Dataset) readType(c *cursor) error {
	class := c.u8() & 15
	bits := c.u8()
	c.take(2)
	size := c.u32()
	switch {
	case class > 0 && class < len(classes):
		return fmt.Errorf("its values are %s, want whole numbers", classes[class])
	case class != 0 || size != 1 && size != 2 && size != 4 && size != 8:
		return fmt.Errorf("its values are of the unknown class %d and %d bytes: %w", class, size, errFormat)
	}
	d.Type = Type{Bytes: int(size), Signed: bits&8 != 0, BigEndian: bits&1 != 0}
	if offset, precision := c.u16(), c.u16(); c.err == nil && (offset != 0 || precision != 8*d.Type.Bytes) {
		return unsupported("numbers of %d bits in %d bytes", precision, size)
	}
	return nil
}

func (d *Dataset) readLayout(c *cursor) error {
	version := c.u8()
	if version != 3 && version != 4 {
		return unsupported("a layout of version %d", version)
	}
	d.layout = c.u8()
	switch d.layout {
	case compact:
		d.compact = c.take(c.u16())
	case contiguous:
		d.data = extent{c.u64(), c.u64()}
	case chunked:
		if version == 4 {
			return unsupported("an index of chunks of version 4 (libver='latest')")
		}
		rank := c.u8() - 1
		d.tree = c.u64()
		if rank < 0 || rank > maxRank {
			return fmt.Errorf("its chunks have %d dimensions: %w", rank, errFormat)
		}
		for range rank {
			d.chunk = append(d.chunk, int(c.u32()))
		}
		d.chunkSize = int(c.u32()) // of a value, until check multiplies
	default:
		return unsupported("a layout of class %d, such as a virtual array", d.layout)
	}
	return nil
}

// check compares shape, type and layout with each other and with the file.
func (d *Dataset) check() error {
	d.row, d.windowAt = d.Type.Bytes, -1
	for _, n := range d.Shape[min(1, len(d.Shape)):] {
		if n > math.MaxInt32 || n > 0 && d.row > maxChunk/n {
			return fmt.Errorf("a row of the shape %v is larger than any image", d.Shape)
		}
		d.row *= n
	}
	total := uint64(d.Rows()) * uint64(d.row)
	switch d.layout {
	case compact:
		if uint64(len(d.compact)) != total {
			return fmt.Errorf("it has %d bytes for the shape %v: %w", len(d.compact), d.Shape, errFormat)
		}
	case contiguous:
		if d.data.address == undefined && total > 0 {
			return fmt.Errorf("none of its values are stored: the program that made the file ended before it wrote them, make or fetch it again")
		}
		if d.data.length != total || total > 0 && (d.data.address > d.file.size || total > d.file.size-d.data.address) {
			return fmt.Errorf("%d bytes at %d of a file of %d are not an array of the shape %v: %w", d.data.length, d.data.address, d.file.size, d.Shape, errFormat)
		}
	case chunked:
		return d.checkChunks()
	}
	if len(d.filters) > 0 && d.layout != chunked {
		return fmt.Errorf("it has filters without chunks: %w", errFormat)
	}
	return nil
}

func (d *Dataset) checkChunks() error {
	if len(d.chunk) != len(d.Shape) || len(d.chunk) == 0 || d.chunkSize != d.Type.Bytes {
		return fmt.Errorf("its chunks %v do not fit to the shape %v: %w", d.chunk, d.Shape, errFormat)
	}
	for _, n := range d.chunk {
		if n < 1 || n > maxChunk/d.chunkSize {
			return fmt.Errorf("its chunks %v are larger than %d bytes or empty", d.chunk, maxChunk)
		}
		d.chunkSize *= n
	}
	d.height = max(1, min(d.chunk[0], maxWindow/max(1, d.row)))
	if uint64(d.height)*uint64(d.row) > maxRatio*d.file.size { // before memory is taken for them
		return fmt.Errorf("%d rows of the shape %v are more than a file of %d bytes can hold: %w", d.height, d.Shape, d.file.size, errFormat)
	}
	return nil
}

// Rows returns the first dimension, 1 for a single number.
func (d *Dataset) Rows() int {
	if len(d.Shape) == 0 {
		return 1
	}
	return d.Shape[0]
}

// RowBytes returns the bytes of a row.
func (d *Dataset) RowBytes() int { return d.row }

// ReadRow reads a row of RowBytes bytes, in C order, as the values are stored. Reading rows in ascending order
// unpacks each chunk once, or as often as there are windows of rows in it.
func (d *Dataset) ReadRow(i int, p []byte) error {
	if i < 0 || i >= d.Rows() || len(p) != d.row {
		return fmt.Errorf("row %d of %d, %d bytes of %d", i, d.Rows(), len(p), d.row)
	}
	if d.row == 0 {
		return nil
	}
	switch d.layout {
	case compact:
		copy(p, d.compact[i*d.row:])
	case contiguous:
		if _, err := d.file.r.ReadAt(p, int64(d.data.address)+int64(i)*int64(d.row)); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	case chunked:
		in := i % d.chunk[0] // windows begin anew in every chunk
		first := i - in%d.height
		if err := d.load(first); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
		copy(p, d.window[(i-first)*d.row:])
	}
	return nil
}

// Ints reads all values of an array of at most most values.
func (d *Dataset) Ints(most int) ([]int, error) {
	width := d.Type.Bytes
	if d.row > 0 && d.Rows() > most*width/d.row {
		return nil, fmt.Errorf("it holds more than the %d values that are possible: its shape is %v", most, d.Shape)
	}
	var values []int
	row := make([]byte, d.row)
	for i := range d.Rows() {
		if err := d.ReadRow(i, row); err != nil {
			return nil, err
		}
		for at := 0; at < len(row); at += width {
			values = append(values, d.Type.value(row[at:at+width]))
		}
	}
	return values, nil
}

// value converts one stored value.
func (t Type) value(b []byte) int {
	v := uint64(0)
	for i := range b {
		at := len(b) - 1 - i
		if t.BigEndian {
			at = i
		}
		v = v<<8 | uint64(b[at])
	}
	if shift := 64 - 8*t.Bytes; t.Signed {
		return int(int64(v<<shift) >> shift)
	}
	return int(v)
}
