package graph

import tf "github.com/wamuir/graft/tensorflow"

// Normalise is (x/255 - mean) / std in float32 of images of bytes [B, S, S, 3]. Float images are taken to be in 0..1.
func (b *Builder) Normalise(images Value, mean, std [3]float64) Value {
	b = b.In("normalise")
	x := images
	unit := 1.0
	if images.DataType() != tf.Float {
		x, unit = b.cast(images, tf.Float), 255
	}
	factor, shift := make([]float32, 3), make([]float32, 3)
	for c := range mean {
		factor[c] = float32(1 / (unit * std[c]))
		shift[c] = float32(-mean[c] / std[c])
	}
	return b.add(b.mul(x, b.vector(factor)), b.vector(shift))
}

// Patches cuts images [B, S, S, c] into p x p patches [B, (S/p)^2, p*p*c], row by row. The pixels of a patch are in
// the order of a convolution kernel [p, p, c, d]. Saves nothing.
func (b *Builder) Patches(images Value, p int) Value {
	return b.In("patches").cut(images, p, 0, 1, 3, 2, 4, 5)
}

// MergePatches joins each 2 x 2 cell of the patches x [B, S*S, d] to one token [B, (S/2)^2, 4d], column by column within the
// cell, as Swin's patch merging does. Saves nothing.
func (b *Builder) MergePatches(x Value) Value {
	b = b.In("merge")
	s := side(x.Shape[1])
	return b.cut(b.Reshape(x, x.Shape[0], s, s, x.Width()), 2, 0, 1, 3, 4, 2, 5)
}

// cut cuts images [B, S, S, c] into p x p patches. axes is the order of the axes of [B, S/p, p, S/p, p, c] in the result: the two
// at the end before the channels are the order of the pixels within a patch.
func (b *Builder) cut(images Value, p int, axes ...int) Value {
	n, s, c := images.Shape[0], images.Shape[1], images.Width()
	if s%p != 0 {
		Fail("an image of %d x %d can't be cut into patches of %d x %d", s, s, p, p)
	}
	side := s / p
	grid := b.transpose(b.reshape(images, n, side, p, side, p, c), axes...)
	return b.differentiable(b.reshape(grid, n, side*side, p*p*c), []Value{images}, func(g *Gate, dy Value) []Value {
		return []Value{g.reshape(g.transpose(g.reshape(dy, grid.Shape...), Inverse(axes)...), images.Shape...)}
	})
}
