package hdf5

import (
	"encoding/binary"
	"fmt"
)

// cursor reads little-endian numbers from a block. After an attempt to read beyond its end, it yields zeros and holds the error.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		if c.err == nil {
			c.err = fmt.Errorf("a block ends where %d more bytes are needed: %w", n, errFormat)
		}
		c.b = nil
		return nil
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

// number reads n bytes, at most 8.
func (c *cursor) number(n int) uint64 {
	var b [8]byte
	copy(b[:], c.take(n))
	return binary.LittleEndian.Uint64(b[:])
}

func (c *cursor) u8() int     { return int(c.number(1)) }
func (c *cursor) u16() int    { return int(c.number(2)) }
func (c *cursor) u32() uint64 { return c.number(4) }
func (c *cursor) u64() uint64 { return c.number(8) }
