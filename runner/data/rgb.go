package data

import "dtl-tf/graph/jpeg"

// ViewRGB decodes an image of at most MaxPixels pixels in its own size, as training does, and passes [height, width, 3] uint8 to use. A
// photograph takes tens of megabytes, which are not copied: the pixels are valid until use returns and must not be changed.
func ViewRGB(content []byte, decoder *jpeg.Decoder, use func(pix []uint8, height, width int) error) error {
	f, err := examined(content, MaxPixels)
	if err != nil {
		return err
	}
	if f.name == "JPEG" {
		return decoder.View(content, use)
	}
	p, err := decode(content, decoder, MaxPixels)
	if err != nil {
		return err
	}
	return use(p.pix, p.height, p.width)
}
