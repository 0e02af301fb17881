package hdf5

import "fmt"

// treeKind is a type of version 1 B-trees, with the bytes of a key.
type treeKind struct{ kind, key int }

var groupTree = treeKind{0, 8}

// chunkTree is the tree of an array of a rank. A key has the stored size, the mask of filters, and the offsets in all dimensions and
// within an element.
func chunkTree(rank int) treeKind { return treeKind{1, 8 + 8*(rank+1)} }

const (
	nodeHead = 24
	maxDepth = 40
)

// treeWalk visits the entries of a tree that enter accepts, given the keys before and after what is below them.
type treeWalk struct {
	*File
	treeKind
	enter func(before, after []byte) bool
	leaf  func(key []byte, child uint64) error
	left  uint64 // nodes that may still be visited
}

// tree walks through the tree with this root.
func (f *File) tree(root uint64, kind treeKind, enter func(before, after []byte) bool, leaf func(key []byte, child uint64) error) error {
	w := &treeWalk{File: f, treeKind: kind, enter: enter, leaf: leaf, left: f.size / nodeHead}
	return w.node(root, -1)
}

// node visits a node, which has to be of a level unless that is -1. Levels decrease, so no tree is endless in depth.
func (w *treeWalk) node(address uint64, level int) error {
	if w.left == 0 {
		return fmt.Errorf("a tree is endless: %w", errFormat)
	}
	w.left--
	head, err := w.signed(address, nodeHead, "TREE")
	if err != nil {
		return err
	}
	c := &cursor{b: head[4:]}
	kind, depth, used := c.u8(), c.u8(), c.u16()
	if kind != w.kind || level >= 0 && depth != level || depth > maxDepth {
		return fmt.Errorf("the tree node at %d is of type %d and level %d: %w", address, kind, depth, errFormat)
	}
	b, err := w.block(address+nodeHead, uint64(used*(w.key+8)+w.key))
	if err != nil {
		return err
	}
	for i := range used {
		entry := b[i*(w.key+8):]
		key, after := entry[:w.key], entry[w.key+8:][:w.key]
		if !w.enter(key, after) {
			continue
		}
		child := (&cursor{b: entry[w.key:]}).u64()
		if depth == 0 {
			err = w.leaf(key, child)
		} else {
			err = w.node(child, depth-1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
