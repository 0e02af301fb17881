package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// directory reads the entries of a directory.
type directory struct {
	content []byte
	order   binary.ByteOrder
	entries []byte
	err     error // the first
}

// list returns the values of a tag: whole numbers, at most limit of them. It is nil if the tag is missing.
func (d *directory) list(tag uint16, limit int) (values []uint32) {
	for e := d.entries; len(e) >= 12; e = e[12:] {
		if d.order.Uint16(e) != tag {
			continue
		}
		count := int(d.order.Uint32(e[4:]))
		size := map[uint16]int{1: 1, 3: 2, 4: 4}[d.order.Uint16(e[2:])] // bytes, shorts, longs
		if size == 0 {
			d.fail("tag %d has values of type %d, which are not whole numbers", tag, d.order.Uint16(e[2:]))
			return nil
		}
		if count > limit {
			d.fail("tag %d has %d values, more than the %d that it can have", tag, count, limit)
			return nil
		}
		raw := e[8:12]
		if size*count > len(raw) {
			at := int(d.order.Uint32(raw))
			if at+size*count > len(d.content) {
				d.err = errors.Join(d.err, errEndsEarly)
				return nil
			}
			raw = d.content[at:]
		}
		values = make([]uint32, count)
		for i := range values {
			switch size {
			case 1:
				values[i] = uint32(raw[i])
			case 2:
				values[i] = uint32(d.order.Uint16(raw[2*i:]))
			default:
				values[i] = d.order.Uint32(raw[4*i:])
			}
		}
		return values
	}
	return nil
}

// value returns the first value of a tag, or other if it is missing.
func (d *directory) value(tag uint16, other int) int {
	const most = 1 << 10 // BitsPerSample has one for each sample
	if values := d.list(tag, most); len(values) > 0 {
		return int(values[0])
	}
	return other
}

func (d *directory) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func openDirectory(content []byte) (*directory, error) {
	d := &directory{content: content, order: byteOrder(content)}
	if len(content) < 8 {
		return d, errEndsEarly
	}
	at := int(d.order.Uint32(content[4:]))
	if at+2 > len(content) {
		return d, errEndsEarly
	}
	size := 12 * int(d.order.Uint16(content[at:]))
	if at+2+size > len(content) {
		return d, errEndsEarly
	}
	d.entries = content[at+2 : at+2+size]
	return d, nil
}

// directoryOf reads the directory of a TIFF file without the values that stand elsewhere.
func directoryOf(f io.ReaderAt) (*directory, error) {
	const maxEntries = 1000 // far more than a picture has
	head := make([]byte, 8)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, err
	}
	d := &directory{order: byteOrder(head)}
	if d.order == nil {
		return nil, errors.New("not a TIFF file")
	}
	at := int64(d.order.Uint32(head[4:]))
	count := make([]byte, 2)
	if _, err := f.ReadAt(count, at); err != nil {
		return nil, err
	}
	d.entries = make([]byte, 12*min(int(d.order.Uint16(count)), maxEntries))
	_, err := f.ReadAt(d.entries, at+2)
	return d, err
}

// isGrey16 reports whether the picture has 16-bit greys. Two values of a tag or fewer stand in its entry.
func (d *directory) isGrey16() bool {
	bits, kind := d.value(tagBits, 1), d.value(tagPhotometric, tiffBlackIsZero)
	return d.err == nil && bits == 16 && (kind == tiffWhiteIsZero || kind == tiffBlackIsZero)
}
