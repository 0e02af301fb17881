package hdf5

import (
	"bytes"
	"fmt"
)

// readGroup collects the hard links of a group.
func (f *File) readGroup(address uint64) error {
	messages, err := f.header(address)
	if err != nil {
		return fmt.Errorf("the root group: %w", err)
	}
	found := false
	for _, m := range messages {
		c := &cursor{b: m.data}
		switch m.kind {
		case msgSymbolTable:
			found = true
			err = f.symbolTable(c)
		case msgLink:
			err = f.link(c)
		case msgLinkInfo:
			found = true
			c.take(1)
			if flags := c.u8(); flags&1 != 0 {
				c.take(8)
			}
			if heap := c.u64(); c.err == nil && heap != undefined {
				err = unsupported("a group with links in a fractal heap")
			}
		}
		if err == nil {
			err = c.err
		}
		if err != nil {
			return fmt.Errorf("the root group: %w", err)
		}
	}
	if !found {
		return fmt.Errorf("the root group has no links: %w", errFormat)
	}
	return nil
}

func (f *File) add(name string, address uint64) error {
	if len(f.links) == maxLinks {
		return fmt.Errorf("it has more than %d objects: it is another file than expected", maxLinks)
	}
	f.links[name] = address
	return nil
}

// link reads a link message. Soft and external links are left out.
func (f *File) link(c *cursor) error {
	c.take(1)
	flags := c.u8()
	kind := 0
	if flags&8 != 0 {
		kind = c.u8()
	}
	if flags&4 != 0 {
		c.take(8)
	}
	if flags&16 != 0 {
		c.take(1)
	}
	n := c.number(1 << (flags & 3))
	if n > uint64(len(c.b)) {
		return fmt.Errorf("the name of a link claims %d bytes: %w", n, errFormat)
	}
	name := string(c.take(int(n)))
	if kind != 0 {
		return nil
	}
	address := c.u64()
	if c.err != nil {
		return c.err
	}
	return f.add(name, address)
}

// symbolTable reads the B-tree and the names of a group.
func (f *File) symbolTable(c *cursor) error {
	tree, heap := c.u64(), c.u64()
	if c.err != nil {
		return c.err
	}
	head, err := f.signed(heap, 32, "HEAP")
	if err != nil {
		return err
	}
	h := &cursor{b: head[8:]}
	length := h.u64()
	h.take(8)
	names, err := f.block(h.u64(), length)
	if err != nil {
		return err
	}
	nodes := 0
	return f.tree(tree, groupTree, func(_, _ []byte) bool { return true }, func(_ []byte, child uint64) error {
		if nodes++; nodes > maxLinks {
			return fmt.Errorf("a group is endless: %w", errFormat)
		}
		return f.symbols(child, names)
	})
}

// symbols reads a node of symbols.
func (f *File) symbols(address uint64, names []byte) error {
	head, err := f.signed(address, 8, "SNOD")
	if err != nil {
		return err
	}
	const entry = 40
	count := (&cursor{b: head[6:]}).u16()
	table, err := f.block(address+8, uint64(count*entry))
	if err != nil {
		return err
	}
	for c := (&cursor{b: table}); len(c.b) > 0; {
		at, object, cached := c.u64(), c.u64(), c.u32()
		c.take(20)
		if at >= uint64(len(names)) {
			return fmt.Errorf("a name lies outside its heap: %w", errFormat)
		}
		name, _, ok := bytes.Cut(names[at:], []byte{0})
		if !ok {
			return fmt.Errorf("a name does not end: %w", errFormat)
		}
		if cached == 2 { // a soft link
			continue
		}
		if err := f.add(string(name), object); err != nil {
			return err
		}
	}
	return nil
}
