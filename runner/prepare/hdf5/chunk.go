package hdf5

import "fmt"

// load unpacks the window that begins with a row: the part of its rows of all chunks that have them.
func (d *Dataset) load(first int) error {
	if d.windowAt == first {
		return nil
	}
	d.windowAt = -1
	rank := len(d.chunk)
	begin := first - first%d.chunk[0] // of the chunks
	rows := min(d.height, begin+d.chunk[0]-first, d.Shape[0]-first)
	if d.window == nil {
		d.window = make([]byte, d.height*d.row)
	}
	covered := 0 // bytes of the window
	seen := map[string]bool{}
	err := d.file.tree(d.tree, chunkTree(rank), func(before, after []byte) bool {
		return row(before) <= uint64(begin) && uint64(begin) <= row(after)
	}, func(key []byte, address uint64) error {
		if row(key) != uint64(begin) {
			return nil
		}
		c := &cursor{b: key}
		size, mask := c.u32(), c.u32()
		offsets := make([]int, rank)
		for i := range offsets {
			at := c.u64()
			if at >= uint64(d.Shape[i]) || at%uint64(d.chunk[i]) != 0 {
				return fmt.Errorf("a chunk begins at %d in dimension %d of %v: %w", at, i, d.Shape, errFormat)
			}
			offsets[i] = int(at)
		}
		if name := string(key[8:]); seen[name] {
			return fmt.Errorf("the chunk at %v is there twice: %w", offsets, errFormat)
		} else {
			seen[name] = true
		}
		content, err := d.unpack(extent{address, size}, mask, first-begin, rows)
		if err != nil {
			return fmt.Errorf("the chunk at %v: %w", offsets, err)
		}
		covered += d.place(content, offsets, rows)
		return nil
	})
	if err != nil {
		return err
	}
	if covered != rows*d.row {
		return fmt.Errorf("%d of %d bytes of the rows from %d are stored: the file is not complete", covered, rows*d.row, first)
	}
	d.windowAt = first
	return nil
}

// row is the first offset in a key.
func row(key []byte) uint64 { return (&cursor{b: key[8:]}).u64() }

// place copies rows of a chunk into the window, without what exceeds the array, and returns the bytes copied.
func (d *Dataset) place(content []byte, offsets []int, rows int) (copied int) {
	rank := len(d.chunk)
	p := placing{from: content, to: d.window, valid: make([]int, rank), fromStride: make([]int, rank), toStride: make([]int, rank)}
	from, to, begin := d.Type.Bytes, d.Type.Bytes, 0
	copied = d.Type.Bytes
	for i := rank - 1; i >= 0; i-- {
		p.fromStride[i], p.toStride[i] = from, to
		p.valid[i] = rows
		if i > 0 {
			p.valid[i] = min(d.chunk[i], d.Shape[i]-offsets[i])
			begin += offsets[i] * to
			from, to = from*d.chunk[i], to*d.Shape[i]
		}
		copied *= p.valid[i]
	}
	p.copy(0, 0, begin)
	return copied
}

// placing copies a box between two arrays. Strides are in bytes.
type placing struct {
	from, to             []byte
	valid                []int // dimensions of the box
	fromStride, toStride []int
}

// copy copies what lies below a dimension. Runs of few bytes are copied without a call.
func (p *placing) copy(dim, from, to int) {
	last := len(p.valid) - 1
	run := p.valid[last] * p.fromStride[last]
	switch n := p.valid[dim]; {
	case dim == last:
		copy(p.to[to:], p.from[from:][:run])
	case dim == last-1 && run <= 4:
		for range n {
			for k := range run {
				p.to[to+k] = p.from[from+k]
			}
			from, to = from+p.fromStride[dim], to+p.toStride[dim]
		}
	default:
		for range n {
			p.copy(dim+1, from, to)
			from, to = from+p.fromStride[dim], to+p.toStride[dim]
		}
	}
}

// unpack reads a chunk, undoes its filters, the last first, and returns some of its rows. Bit i of the mask says that filter i was left
// out. Of a chunk without filters only these rows are read.
func (d *Dataset) unpack(e extent, mask uint64, first, rows int) ([]byte, error) {
	most := uint64(d.chunkSize)
	if len(d.filters) > 0 {
		most += most/100 + 1024 // what deflate can add to data that do not shrink, and a checksum
	}
	if e.length > most || e.address > d.file.size || e.length > d.file.size-e.address {
		return nil, fmt.Errorf("it claims %d bytes at %d: %w", e.length, e.address, errFormat)
	}
	width := d.chunkSize / d.chunk[0] // bytes of a row of the chunk
	if len(d.filters) == 0 {
		if e.length != uint64(d.chunkSize) {
			return nil, fmt.Errorf("it has %d bytes, want %d: %w", e.length, d.chunkSize, errFormat)
		}
		content := make([]byte, rows*width)
		_, err := d.file.r.ReadAt(content, int64(e.address)+int64(first*width))
		return content, err
	}
	content := make([]byte, e.length)
	if _, err := d.file.r.ReadAt(content, int64(e.address)); err != nil {
		return nil, err
	}
	for i := len(d.filters) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		var err error
		if content, err = d.filters[i].undo(content, d.chunkSize, d.Type.Bytes); err != nil {
			return nil, err
		}
	}
	if len(content) != d.chunkSize {
		return nil, fmt.Errorf("it has %d bytes, want %d: %w", len(content), d.chunkSize, errFormat)
	}
	return content[first*width:][:rows*width], nil
}
