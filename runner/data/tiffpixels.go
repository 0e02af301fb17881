package data

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"
)

// decodeTIFF decodes the first picture and turns it upright, as Pillow does on reading: the orientation is part of the format.
func decodeTIFF(content []byte) (pixels, error) {
	t, err := parseTIFF(content)
	if err != nil {
		return pixels{}, err
	}
	keep := map[int]int{tiffRGB: 3, tiffCMYK: 4}[t.kind] // samples of a pixel that matter
	if keep == 0 {
		keep = 1
	}
	if t.premultiplied {
		keep++
	}
	samples := make([]uint8, t.height*t.width*keep)
	if err := t.read(samples, keep); err != nil {
		return pixels{}, err
	}
	return turn(pixels{t.toRGB(samples), t.height, t.width}, t.orientation), nil
}

// read decodes all strips or tiles into samples [height, width, keep]: the high bytes of 16 bits, and else the values as they are.
func (t *tiffImage) read(samples []uint8, keep int) error {
	across, down, planes := t.blocks()
	stored := t.samples / planes // in a pixel of a block
	block := make([]byte, t.blockHeight*t.rowBytes(stored))
	line := make([]uint8, t.blockWidth*stored)
	for i := range t.offsets {
		plane, x, y := i/(across*down), i%across*t.blockWidth, i/across%down*t.blockHeight
		if plane >= keep {
			break // opacity
		}
		rows := min(t.blockHeight, t.height-y)
		content := block
		if !t.tiles {
			content = block[:rows*t.rowBytes(stored)]
		}
		if err := t.unpack(content, i); err != nil {
			return err
		}
		columns := min(t.blockWidth, t.width-x)
		for r := range rows {
			row := content[r*t.rowBytes(stored) : (r+1)*t.rowBytes(stored)]
			if t.differences {
				t.sum(row, stored)
			}
			t.spread(line, row)
			for c := range columns {
				to := samples[((y+r)*t.width+x+c)*keep:]
				if t.planar {
					to[plane] = line[c]
				} else {
					copy(to[:keep], line[c*stored:(c+1)*stored])
				}
			}
		}
	}
	return nil
}

// rowBytes is the size of a row of a block.
func (t *tiffImage) rowBytes(stored int) int { return (t.blockWidth*stored*t.bits + 7) / 8 }

// unpack fills a block with the content of the i-th strip or tile.
func (t *tiffImage) unpack(block []byte, i int) error {
	from, size := int(t.offsets[i]), int(t.counts[i])
	if from+size > len(t.content) {
		return errEndsEarly
	}
	packed := t.content[from : from+size]
	if t.reversed {
		packed = slices.Clone(packed)
		for i, b := range packed {
			packed[i] = bits.Reverse8(b)
		}
	}
	var r io.Reader
	switch t.compression {
	case tiffPlain:
		if copy(block, packed) < len(block) {
			return errEndsEarly
		}
		return nil
	case tiffPackBits:
		return unpackBits(block, packed)
	case tiffLZW:
		l := lzw.NewReader(bytes.NewReader(packed), lzw.MSB, 8)
		defer l.Close()
		r = l
	case tiffG3, tiffG4:
		format := ccitt.Group3
		if t.compression == tiffG4 {
			format = ccitt.Group4
		}
		// Inverted, because white is 0 in the file whatever the photometric interpretation makes of it.
		r = ccitt.NewReader(bytes.NewReader(packed), ccitt.MSB, format, t.blockWidth, len(block)/t.rowBytes(1), &ccitt.Options{Invert: true})
	default:
		z, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			return fmt.Errorf("part %d: %w", i+1, err)
		}
		defer z.Close()
		r = z
	}
	if _, err := io.ReadFull(r, block); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errEndsEarly
	} else if err != nil {
		return fmt.Errorf("part %d: %w", i+1, err)
	}
	return nil
}

// unpackBits undoes Macintosh PackBits.
func unpackBits(out, packed []byte) error {
	for len(out) > 0 {
		if len(packed) < 2 {
			return errEndsEarly
		}
		switch n := int(int8(packed[0])); {
		case n == -128: // nothing
			packed = packed[1:]
		case n < 0:
			end := min(1-n, len(out))
			for i := range end {
				out[i] = packed[1]
			}
			out, packed = out[end:], packed[2:]
		default:
			if len(packed) < n+2 {
				return errEndsEarly
			}
			out, packed = out[copy(out, packed[1:n+2]):], packed[n+2:]
		}
	}
	return nil
}

// sum undoes the differences of samples from those of the pixel to the left.
func (t *tiffImage) sum(row []byte, stored int) {
	if t.bits == 8 {
		for i := stored; i < len(row); i++ {
			row[i] += row[i-stored]
		}
		return
	}
	for i := 2 * stored; i+2 <= len(row); i += 2 {
		t.order.PutUint16(row[i:], t.order.Uint16(row[i:])+t.order.Uint16(row[i-2*stored:]))
	}
}

// spread makes a byte of each sample of a row: the high one of 16 bits.
func (t *tiffImage) spread(line []uint8, row []byte) {
	switch t.bits {
	case 8:
		copy(line, row)
	case 16:
		for i := range line {
			line[i] = uint8(t.order.Uint16(row[2*i:]) >> 8)
		}
	default:
		perByte := 8 / t.bits
		for i := range line {
			line[i] = row[i/perByte] >> (8 - t.bits*(i%perByte+1)) & (1<<t.bits - 1)
		}
	}
}

// toRGB converts samples as Pillow does. It reuses their memory if there are three of a pixel.
func (t *tiffImage) toRGB(samples []uint8) []uint8 {
	n := t.height * t.width
	switch {
	case t.kind == tiffRGB && t.premultiplied:
		for i := range n {
			s, a := samples[4*i:4*i+4], uint32(samples[4*i+3])
			for c := range 3 {
				switch a {
				case 0:
					s[c] = 0
				case 255:
				default:
					s[c] = uint8(min(uint32(s[c])*255/a, 255))
				}
			}
		}
		return pack(samples, samples, 4, 1, 2)
	case t.kind == tiffRGB:
		return samples
	case t.kind == tiffCMYK:
		for i := range n {
			s := samples[4*i : 4*i+4]
			light := 255 - uint32(s[3])
			for c := range 3 {
				product := uint32(s[c])*light + 128
				s[c] = uint8(light - (product>>8+product)>>8)
			}
		}
		return pack(samples, samples, 4, 1, 2)
	}
	table := t.palette
	if table == nil {
		table = t.greys()
	}
	out := make([]uint8, 3*n)
	for i, s := range samples {
		copy(out[3*i:3*i+3], table[3*int(s):])
	}
	return out
}

// greys is the palette of a grey picture.
func (t *tiffImage) greys() []uint8 {
	largest := 1<<min(t.bits, 8) - 1
	table := make([]uint8, 3*(largest+1))
	for i := range table {
		v := i / 3 * 255 / largest
		if t.kind == tiffWhiteIsZero {
			v = 255 - v
		}
		table[i] = uint8(v)
	}
	return table
}
