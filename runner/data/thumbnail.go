package data

import (
	"image"
)

// Thumbnail reads one image file and scales it, with its proportions, so that its longer side is at most side pixels. Images of fewer
// pixels stay as they are. Errors name the file.
func (m Images) Thumbnail(path string, side int) (image.Image, error) {
	p, err := m.read(path)
	if err != nil {
		return nil, err
	}
	width, height := p.width, p.height
	if longer := max(width, height); longer > side {
		width, height = max(1, (width*side+longer/2)/longer), max(1, (height*side+longer/2)/longer)
	}
	if p.height > 100*p.width && p.height > height { // first, as resize does, which keeps the image in between small
		p = resizeHeight(p, height)
	}
	if p.width != width {
		p = resizeWidth(p, width)
	}
	if p.height != height {
		p = resizeHeight(p, height)
	}
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(out.Pix[4*i:4*i+3], p.pix[3*i:3*i+3])
		out.Pix[4*i+3] = 0xff
	}
	return out, nil
}
