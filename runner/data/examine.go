package data

import (
	"crypto/sha256"

	"dtl-tf/graph/limit"
	"dtl-tf/runner/data/likeness"
)

// Examined is what a file of a data set holds.
type Examined struct {
	Missing error             // why the file can't be read
	Sum     [sha256.Size]byte // of the file
	Bytes   int

	Broken        error // why it can't be decoded
	Format        string
	Height, Width int  // in pixels, as they are stored
	Turned        bool // its EXIF orientation is not upright
	Grey16        bool // 16-bit grey
	Print         likeness.Print
}

// Readable reports whether the file was read and decoded.
func (e *Examined) Readable() bool { return e.Missing == nil && e.Broken == nil }

// Examine reads and decodes a file.
func (m Images) Examine(path string) (e Examined) {
	content, err := limit.ReadFile(path, maxFileBytes)
	if err != nil {
		e.Missing = err
		return e
	}
	e.Sum, e.Bytes = sha256.Sum256(content), len(content)
	p, err := decode(content, m.Decoder, MaxPixels)
	if err != nil {
		e.Broken = err
		return e
	}
	f, err := formatOf(content)
	if err != nil {
		e.Broken = err // not after decode
		return e
	}
	e.Format, e.Height, e.Width = f.name, p.height, p.width
	o := orientationOf(content)
	e.Turned, e.Grey16 = o != upright, isGrey16(content)
	p = turn(p, o)
	e.Print = likeness.Of(p.pix, p.height, p.width)
	return e
}

// isGrey16 reports whether an image file has 16-bit greys. content need not go beyond the header of a PNG.
func isGrey16(content []byte) bool {
	const depth, colours = 24, 25 // offsets, after the signature and the length, name, width and height of the first chunk
	switch {
	case hasPrefix(magicPNG)(content) && len(content) > colours:
		return content[depth] == 16 && content[colours] == 0
	case byteOrder(content) != nil:
		d, err := openDirectory(content)
		return err == nil && d.isGrey16()
	}
	return false
}
