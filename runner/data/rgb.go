package data

import "dtl-tf/graph/jpeg"

// RGB decodes an image of at most MaxPixels pixels in its own size, as training does. It returns [height, width, 3] uint8.
func RGB(content []byte, decoder *jpeg.Decoder) (pix []uint8, height, width int, err error) {
	p, err := decode(content, decoder, MaxPixels)
	return p.pix, p.height, p.width, err
}
