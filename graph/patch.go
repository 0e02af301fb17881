package graph

import tf "github.com/wamuir/graft/tensorflow"

// Normalise turns images of bytes [B, S, S, 3] into (x/255 - mean) / std, float32.
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

// Patches cuts images [B, S, S, 3] into p x p patches [B, (S/p)^2, p*p*3], row by row, pixels of a patch in
// the order of a convolution kernel [p, p, 3, d].
func (b *Builder) Patches(images Value, p int) Value {
	b = b.In("patches")
	n, s := images.Shape[0], images.Shape[1]
	if s%p != 0 {
		Fail("an image of %d x %d can't be cut into patches of %d x %d", s, s, p, p)
	}
	grid := b.reshape(images, n, s/p, p, s/p, p, 3)
	return b.reshape(b.transpose(grid, 0, 1, 3, 2, 4, 5), n, (s/p)*(s/p), p*p*3)
}
