package savedmodel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Layout of a LevelDB table: blocks of sorted entries, each followed by a trailer; an index block with
// handles of the blocks; a footer with the handle of the index block.
const (
	footerSize  = 48
	trailerSize = 5 // compression type, checksum
	tableMagic  = 0xdb4775248b80fb57
)

var (
	errTable  = errors.New("damaged: this is not the table that TensorFlow writes")
	errBroken = errors.New("damaged: a block does not add up")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mask is the form in which LevelDB and TensorFlow store a CRC-32C (crc32c.h, Mask).
func mask(crc uint32) uint32 { return (crc>>15 | crc<<17) + 0xa282ead8 }

// readTable calls visit for every entry of a table in order of keys. key is valid only during the call.
func readTable(raw []byte, visit func(key, value []byte) error) error {
	if len(raw) < footerSize {
		return fmt.Errorf("truncated: %d bytes are less than a footer", len(raw))
	}
	footer := raw[len(raw)-footerSize:]
	if binary.LittleEndian.Uint64(footer[footerSize-8:]) != tableMagic {
		return errTable
	}
	r := reader{rest: footer}
	r.uvarint() // skip the handle of the meta index, which is empty in TensorFlow's tables
	r.uvarint()
	index, err := block(raw, &r)
	if err != nil {
		return err
	}
	return readBlock(index, func(_, handle []byte) error {
		entries, err := block(raw, &reader{rest: handle})
		if err != nil {
			return err
		}
		return readBlock(entries, visit)
	})
}

// block reads a handle (offset, size) from r and returns the content of that block.
func block(raw []byte, r *reader) ([]byte, error) {
	offset, size := r.uvarint(), r.uvarint()
	total := uint64(len(raw))
	if r.failed || offset > total || size > total-offset || total-offset-size < trailerSize {
		return nil, errTable
	}
	content := raw[offset : offset+size]
	trailer := raw[offset+size:][:trailerSize]
	if crc := crc32.Checksum(raw[offset:offset+size+1], castagnoli); mask(crc) != binary.LittleEndian.Uint32(trailer[1:]) {
		return nil, errors.New("damaged: the checksum of a block is wrong")
	}
	if trailer[0] != 0 {
		return nil, fmt.Errorf("compressed (type %d), which TensorFlow's own writer never does", trailer[0])
	}
	return content, nil
}

// readBlock calls visit for every entry of a block, whose keys are prefix-compressed.
func readBlock(content []byte, visit func(key, value []byte) error) error {
	if len(content) < 4 {
		return errBroken
	}
	// A block ends with the offsets of the entries that have a full key, and their number.
	restarts := uint64(binary.LittleEndian.Uint32(content[len(content)-4:]))
	if restarts > uint64(len(content)-4)/4 {
		return errBroken
	}
	r := reader{rest: content[:uint64(len(content)-4)-4*restarts]}
	var key []byte
	for len(r.rest) > 0 {
		shared, own, size := r.uvarint(), r.uvarint(), r.uvarint()
		if r.failed || shared > uint64(len(key)) {
			return errBroken
		}
		key = append(key[:shared], r.bytes(own)...)
		value := r.bytes(size)
		if r.failed {
			return errBroken
		}
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

// reader consumes numbers and bytes from the front of rest and records whether it ran out of them.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.failed = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.failed = true
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}
