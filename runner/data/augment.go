package data

import (
	"dtl-tf/runner/data/augment"
)

// Two of the augmentations that LoaderOptions.Augment lists; see [augment.Parse] for all.
const (
	AugmentNone     = augment.None
	AugmentFlipCrop = "flip-crop"
)

// picture returns the pixels of an item in an epoch, [Size, Size, 3]. They are the caller's if owned, who gives them to recycle
// later, and else those of the cache.
func (l *Loader) picture(epoch, index, time int) (pix []uint8, owned bool, err error) {
	p, err := l.image(index)
	if err != nil || !l.policy.ChangesImages() {
		return p.pix, false, err
	}
	r := generator(streamAugment, l.options.Seed, uint64(l.view(epoch)), uint64(index))
	if time > 0 && l.options.Views == 0 { // another picture of the same image
		r = generator(streamAgain, l.options.Seed, uint64(epoch), uint64(index), uint64(time))
	}
	if l.options.Draw != nil {
		epoch, item := l.options.Draw(index)
		r = generator(streamAugment, l.options.Seed, uint64(epoch), uint64(item))
	}
	if c := l.policy.Crop; c != nil {
		p = resizePart(p, c.Box(p.height, p.width, r), l.size)
	} else {
		pix := l.buffer()
		copy(pix, p.pix)
		p.pix = pix
	}
	spare := l.buffer()
	m := augment.Image{Pix: p.pix, Height: l.size, Width: l.size}
	result := l.policy.Apply(m, spare, l.options.Fill, r)
	if &result[0] == &spare[0] {
		spare = p.pix
	}
	l.recycle(spare)
	return result, true, nil
}

// view is the epoch whose pictures an epoch has.
func (l *Loader) view(epoch int) int {
	if n := l.options.Views; n > 0 {
		return (epoch-1)%n + 1
	}
	return epoch
}

// buffer returns memory for an image.
func (l *Loader) buffer() []uint8 {
	if b, ok := l.buffers.Get().(*[]uint8); ok {
		return *b
	}
	return make([]uint8, l.size*l.size*3)
}

// recycle gives memory back to buffer.
func (l *Loader) recycle(b []uint8) { l.buffers.Put(&b) }

// resizePart resizes a part of an image to size x size: resized_crop of torchvision on Pillow's images.
func resizePart(p pixels, b augment.Box, size int) pixels {
	part := newPixels(b.Height, b.Width)
	for y := range b.Height {
		copy(part.pix[y*b.Width*3:(y+1)*b.Width*3], p.pix[((b.Top+y)*p.width+b.Left)*3:])
	}
	return pixels{resize(part, size), size, size}
}
