package data

import (
	"fmt"
	"math/rand/v2"
)

// Augmentations of training images.
const (
	AugmentNone     = "none"
	AugmentFlipCrop = "flip-crop" // see flipCrop
)

// Augments lists the augmentations.
func Augments() []string { return []string{AugmentNone, AugmentFlipCrop} }

// augmenter writes an augmented copy of src to dst; both are [size, size, 3].
type augmenter func(dst, src []uint8, size int, r *rand.Rand)

func newAugmenter(name string) (augmenter, error) {
	switch name {
	case "", AugmentNone:
		return func(dst, src []uint8, _ int, _ *rand.Rand) { copy(dst, src) }, nil
	case AugmentFlipCrop:
		return flipCrop, nil
	}
	return nil, fmt.Errorf("unknown augmentation %q: want one of %v", name, Augments())
}

// flipCrop pads each side with zeros by an eighth of the size, crops at a random position and mirrors half of the images: the
// common recipe for CIFAR (4 pixels of 32; He et al. 2015, section 4.2).
func flipCrop(dst, src []uint8, size int, r *rand.Rand) {
	pad := size / 8
	flip := r.IntN(2) == 1
	dy, dx := r.IntN(2*pad+1)-pad, r.IntN(2*pad+1)-pad
	clear(dst)
	// The columns x for which x + dx is inside the image.
	from, to := max(0, -dx), min(size, size-dx)
	for y := max(0, -dy); y < min(size, size-dy); y++ {
		d := dst[y*size*3 : (y+1)*size*3]
		s := src[(y+dy)*size*3 : (y+dy+1)*size*3]
		if !flip {
			copy(d[from*3:to*3], s[(from+dx)*3:])
			continue
		}
		for x := from; x < to; x++ {
			i, j := (size-1-x)*3, (x+dx)*3
			d[i], d[i+1], d[i+2] = s[j], s[j+1], s[j+2]
		}
	}
}
