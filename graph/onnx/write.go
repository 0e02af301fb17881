package onnx

import (
	"bytes"
	"io"
)

// MaxFile is the limit of a protocol buffer in bytes. A larger model needs its weights in a second file.
const MaxFile = 1<<31 - 1

const (
	// alignment lets runtimes map the values of the second file into memory (docs/ExternalData.md: a page).
	alignment = 4096
	// smallest is the size in bytes from which a value goes to the second file: shape inference reads the small ones.
	smallest = 1024
)

// place is where a value is in a second file.
type place struct {
	file   string
	offset int64
}

func inside(*Constant) *place { return nil }

// Size is the number of bytes that Write writes.
func (m *Model) Size() int64 { return sizeOf(m.pieces(inside)) }

// Write writes the model as one file, of at most MaxFile bytes.
func (m *Model) Write(w io.Writer) error { return writePieces(w, m.pieces(inside)) }

// Split returns the model as two files: its content without the weights, which name the second file as data, and the function that writes
// the second file. Runtimes look for data in the folder of the first file.
func (m *Model) Split(data string) (model []byte, weights func(w io.Writer) error) {
	var list []piece
	end := int64(0)
	pieces := m.pieces(func(c *Constant) *place {
		if c.bytes() < smallest {
			return nil
		}
		gap := (alignment - end%alignment) % alignment
		at := &place{data, end + gap}
		list = append(list, piece{make(message, gap), c})
		end = at.offset + c.bytes()
		return at
	})
	var b bytes.Buffer
	_ = writePieces(&b, pieces) // a Buffer returns no error
	return b.Bytes(), func(w io.Writer) error { return writePieces(w, list) }
}
