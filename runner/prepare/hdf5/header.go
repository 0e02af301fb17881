package hdf5

import "fmt"

// Types of messages in object headers.
const (
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgContinuation = 0x10
	msgSymbolTable  = 0x11

	maxMessages = 20_000 // of an object, and its blocks
	flagShared  = 2
)

type message struct {
	kind   int
	shared bool
	data   []byte
}

// extent is a part of the file.
type extent struct{ address, length uint64 }

// header reads the messages of an object header with its continuation blocks.
func (f *File) header(address uint64) ([]message, error) {
	start, err := f.block(address, 16)
	if err != nil {
		return nil, err
	}
	if string(start[:4]) == "OHDR" {
		return f.headerV2(address)
	}
	if start[0] != 1 {
		return nil, fmt.Errorf("the object header at %d has the unknown version %d: %w", address, start[0], errFormat)
	}
	c := &cursor{b: start[8:]}
	blocks := []extent{{address + 16, c.u32()}}
	return f.messages(blocks, func(e extent) (*cursor, error) {
		b, err := f.block(e.address, e.length)
		return &cursor{b: b}, err
	}, func(c *cursor) (m message, ok bool) {
		if len(c.b) < 8 {
			return m, false
		}
		m.kind = c.u16()
		size := c.u16()
		m.shared = c.u8()&flagShared != 0
		c.take(3)
		m.data = c.take(size)
		return m, true
	})
}

// headerV2 reads a header that begins with OHDR. Its checksums are not compared: the gzip or the published checksum around the file
// tells more.
func (f *File) headerV2(address uint64) ([]message, error) {
	start, err := f.block(address, min(64, f.size-address))
	if err != nil {
		return nil, err
	}
	c := &cursor{b: start}
	c.take(4)
	if version := c.u8(); version != 2 {
		return nil, fmt.Errorf("the object header at %d has the unknown version %d: %w", address, version, errFormat)
	}
	flags := c.u8()
	if flags&0x20 != 0 {
		c.take(16) // times
	}
	if flags&0x10 != 0 {
		c.take(4) // limits of attributes
	}
	length := c.number(1 << (flags & 3))
	if c.err != nil {
		return nil, c.err
	}
	first := extent{address + uint64(len(start)-len(c.b)), length}
	return f.messages([]extent{first}, func(e extent) (*cursor, error) {
		if e == first {
			b, err := f.block(e.address, e.length)
			return &cursor{b: b}, err
		}
		if e.length < 8 {
			return nil, fmt.Errorf("a continuation at %d has %d bytes: %w", e.address, e.length, errFormat)
		}
		b, err := f.signed(e.address, e.length, "OCHK")
		if err != nil {
			return nil, err
		}
		return &cursor{b: b[4 : len(b)-4]}, nil // without the checksum
	}, func(c *cursor) (m message, ok bool) {
		head := 4
		if flags&4 != 0 {
			head = 6 // with the order of creation
		}
		if len(c.b) < head {
			return m, false
		}
		m.kind = c.u8()
		size := c.u16()
		m.shared = c.u8()&flagShared != 0
		c.take(head - 4)
		m.data = c.take(size)
		return m, true
	})
}

// messages reads blocks of messages, to which continuations add. next returns false at the end of a block.
func (f *File) messages(blocks []extent, open func(extent) (*cursor, error), next func(*cursor) (message, bool)) (list []message, err error) {
	for read := 0; read < len(blocks); read++ {
		c, err := open(blocks[read])
		if err != nil {
			return nil, err
		}
		for m, ok := next(c); ok; m, ok = next(c) {
			if c.err != nil {
				return nil, c.err
			}
			if m.kind == msgContinuation {
				to := &cursor{b: m.data}
				e := extent{to.u64(), to.u64()}
				if to.err != nil {
					return nil, to.err
				}
				blocks = append(blocks, e)
			}
			list = append(list, m)
			if len(list)+len(blocks) > maxMessages || len(blocks) > 64 {
				return nil, fmt.Errorf("an object header is endless: %w", errFormat)
			}
		}
	}
	return list, nil
}
