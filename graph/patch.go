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
	b = b.In("patches")
	n, s, c := images.Shape[0], images.Shape[1], images.Width()
	if s%p != 0 {
		Fail("an image of %d x %d can't be cut into patches of %d x %d", s, s, p, p)
	}
	side := s / p
	grid := b.reshape(images, n, side, p, side, p, c)
	patches := b.reshape(b.transpose(grid, 0, 1, 3, 2, 4, 5), n, side*side, p*p*c)
	return b.differentiable(patches, []Value{images}, func(g *Gate, dy Value) []Value {
		grid := g.transpose(g.reshape(dy, n, side, side, p, p, c), 0, 1, 3, 2, 4, 5)
		return []Value{g.reshape(grid, images.Shape...)}
	})
}
