package data

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// tiffImage is the first picture of a TIFF file, as its directory describes it (TIFF 6.0). golang.org/x/image/tiff is not used: it
// misreads separate planes and reversed bits, and the number of rows that a strip claims is its only limit of memory.
type tiffImage struct {
	content []byte
	order   binary.ByteOrder

	height, width int
	bits          int // of a sample
	samples       int // of a pixel, opacity included
	kind          int // the photometric interpretation
	premultiplied bool
	planar        bool // each sample has a plane of its own
	compression   int
	differences   bool // samples are stored as differences from those to the left
	reversed      bool // the first bit of a byte is its lowest
	orientation   int
	palette       []uint8 // RGB

	blockHeight, blockWidth int // of a strip or a tile
	tiles                   bool
	offsets, counts         []uint32 // of the blocks in content, in bytes
}

// The tags that decide how pixels are decoded, and their values.
const (
	tagWidth, tagHeight, tagBits, tagCompression, tagPhotometric, tagFillOrder = 256, 257, 258, 259, 262, 266
	tagStripOffsets, tagOrientation, tagSamples, tagRows, tagStripCounts       = 273, 274, 277, 278, 279
	tagPlanar, tagT4, tagPredictor, tagPalette                                 = 284, 292, 317, 320
	tagTileWidth, tagTileHeight, tagTileOffsets, tagTileCounts                 = 322, 323, 324, 325
	tagExtra, tagFormat                                                        = 338, 339

	tiffWhiteIsZero, tiffBlackIsZero, tiffRGB, tiffPalette, tiffCMYK = 0, 1, 2, 3, 5

	tiffPlain, tiffG3, tiffG4, tiffLZW, tiffDeflate, tiffPackBits, tiffOldDeflate = 1, 3, 4, 5, 8, 32773, 32946
)

// The limits of a tile: the bytes that it may take beside a small picture and for each pixel of a large one, and its sides.
const (
	minTileBytes   = 1 << 20
	tilePixelBytes = 8
	maxTileSide    = 1 << 16
)

// sizeTIFF returns the size of the picture as it is shown.
func sizeTIFF(content []byte) (height, width int, err error) {
	d, err := openDirectory(content)
	if err != nil {
		return 0, 0, err
	}
	height, width = d.value(tagHeight, 0), d.value(tagWidth, 0)
	if d.value(tagOrientation, upright) >= 5 {
		height, width = width, height
	}
	return height, width, d.err
}

// parseTIFF reads the directory. It rejects what decoding would misread.
func parseTIFF(content []byte) (t tiffImage, err error) {
	d, err := openDirectory(content)
	if err != nil {
		return t, err
	}
	t = tiffImage{
		content: content, order: d.order, height: d.value(tagHeight, 0), width: d.value(tagWidth, 0),
		bits: d.value(tagBits, 1), samples: d.value(tagSamples, 1), kind: d.value(tagPhotometric, -1),
		planar: d.value(tagPlanar, 1) == 2, compression: d.value(tagCompression, tiffPlain),
		reversed: d.value(tagFillOrder, 1) == 2, orientation: d.value(tagOrientation, upright),
	}
	if err := t.checkSamples(d); err != nil {
		return t, err
	}
	if err := t.checkCompression(d); err != nil {
		return t, err
	}
	if t.kind == tiffPalette {
		values := d.list(tagPalette, 3<<t.bits)
		if len(values) != 3<<t.bits {
			return t, fmt.Errorf("its palette has %d values, %d are wanted", len(values), 3<<t.bits)
		}
		t.palette = make([]uint8, len(values))
		for i := range 1 << t.bits {
			for c := range 3 {
				t.palette[3*i+c] = uint8(values[c<<t.bits+i] >> 8)
			}
		}
	}
	if err := t.checkBlocks(d); err != nil {
		return t, err
	}
	return t, d.err
}

// checkSamples rejects kinds of pixels that are not read.
func (t *tiffImage) checkSamples(d *directory) error {
	colours := map[int]int{tiffWhiteIsZero: 1, tiffBlackIsZero: 1, tiffPalette: 1, tiffRGB: 3, tiffCMYK: 4}[t.kind]
	depths := map[int][]int{tiffRGB: {8, 16}, tiffCMYK: {8}, tiffPalette: {1, 2, 4, 8}}[t.kind]
	if depths == nil {
		depths = []int{1, 2, 4, 8, 16}
	}
	known := false
	for _, bits := range depths {
		known = known || bits == t.bits
	}
	for _, bits := range d.list(tagBits, 1<<10) {
		known = known && int(bits) == t.bits
	}
	for _, format := range d.list(tagFormat, 1<<10) {
		if format != 1 {
			return unsupportedTIFF("of signed or floating-point samples")
		}
	}
	switch {
	case d.err != nil:
		return d.err
	case colours == 0:
		return unsupportedTIFF(map[int]string{-1: "without a photometric interpretation", 4: "of masks", 6: "in YCbCr", 8: "in L*a*b*"}[t.kind])
	case !known:
		return unsupportedTIFF(fmt.Sprintf("of %d bits a sample in this kind of picture", t.bits))
	case t.samples < colours || t.samples > colours+1 || t.kind == tiffPalette && t.samples > 1:
		return unsupportedTIFF(fmt.Sprintf("of %d samples a pixel in this kind of picture", t.samples))
	}
	const associated = 1
	t.premultiplied = t.samples > colours && d.value(tagExtra, 0) == associated
	if t.premultiplied && t.kind != tiffRGB {
		return unsupportedTIFF("of greys or inks multiplied by their opacity")
	}
	return nil
}

// checkCompression rejects codings that are not read.
func (t *tiffImage) checkCompression(d *directory) error {
	predictor := d.value(tagPredictor, 1)
	coded := false
	switch t.compression {
	case tiffPlain, tiffPackBits:
	case tiffLZW, tiffDeflate, tiffOldDeflate:
		coded = true
	case tiffG3, tiffG4:
		const twoDimensional = 1
		switch {
		case t.bits != 1 || t.samples != 1:
			return errors.New("it has more than one bit a pixel, which fax coding can't hold")
		case t.compression == tiffG3 && d.value(tagT4, 0)&twoDimensional != 0:
			return unsupportedTIFF("coded as a fax of group 3 in two dimensions")
		}
	default:
		return unsupportedTIFF(map[int]string{
			2: "coded as a fax (CCITT RLE)", 6: "compressed as JPEG", 7: "compressed as JPEG", 34712: "compressed as JPEG 2000",
			34925: "compressed with LZMA", 50000: "compressed with Zstandard", 50001: "compressed as WebP",
		}[t.compression])
	}
	t.differences = coded && predictor == 2
	if coded && (predictor > 2 || t.differences && t.bits < 8) {
		return unsupportedTIFF("with this predictor")
	}
	return nil
}

func unsupportedTIFF(kind string) error {
	if kind == "" {
		kind = "of this kind"
	}
	return fmt.Errorf("TIFF images %s are not read: convert it to PNG, for example with 'magick NAME.tif NAME.png'", kind)
}

// checkBlocks finds the strips or tiles, and bounds their memory by that of the picture.
func (t *tiffImage) checkBlocks(d *directory) error {
	offsets, counts := uint16(tagStripOffsets), uint16(tagStripCounts)
	t.blockWidth, t.blockHeight = t.width, min(d.value(tagRows, t.height), t.height)
	if t.tiles = d.value(tagTileWidth, 0) != 0; t.tiles {
		offsets, counts = tagTileOffsets, tagTileCounts
		t.blockWidth, t.blockHeight = d.value(tagTileWidth, 0), d.value(tagTileHeight, 0)
		switch {
		case t.blockWidth%16 != 0 || t.blockHeight%16 != 0:
			return fmt.Errorf("its tiles are %d x %d pixels: both must be multiples of 16", t.blockWidth, t.blockHeight)
		case max(t.blockWidth, t.blockHeight) > maxTileSide || t.blockHeight*t.rowBytes(t.samples) > max(minTileBytes, tilePixelBytes*t.height*t.width):
			return fmt.Errorf("its tiles of %d x %d pixels are much larger than the picture", t.blockWidth, t.blockHeight)
		}
	}
	if t.blockHeight < 1 {
		return errors.New("its strips or tiles have no rows")
	}
	across, down, planes := t.blocks()
	n := across * down * planes
	t.offsets, t.counts = d.list(offsets, n), d.list(counts, n)
	if d.err == nil && (len(t.offsets) != n || len(t.counts) != n) {
		return fmt.Errorf("it lists %d and %d parts, and has %d", len(t.offsets), len(t.counts), n)
	}
	return d.err
}

// blocks counts the strips or tiles in a row and in a column of a plane, and the planes.
func (t *tiffImage) blocks() (across, down, planes int) {
	planes = 1
	if t.planar {
		planes = t.samples
	}
	return (t.width + t.blockWidth - 1) / t.blockWidth, (t.height + t.blockHeight - 1) / t.blockHeight, planes
}
