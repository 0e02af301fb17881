package graph

import tf "github.com/wamuir/graft/tensorflow"

// resizeBits is the number of fractional bits of a filter weight: PRECISION_BITS of Pillow's Resample.c.
const resizeBits = 22

// Resize scales images of bytes [B, H, W, 3] to bytes [B, size, size, 3]. H and W are known only when the graph runs. The
// result is bit-identical to resize(BICUBIC) of Pillow 12.3, which scales the width first, except in images more than 100 times
// as tall as wide. TensorFlow's own resizing differs from that in every fifth value.
//
// Each direction is one product with a matrix of filter weights that is computed from the image's side. The matrix takes 8*size
// bytes per row or column of the image, so sides of millions of pixels take gigabytes. The weights are integers, as in
// Pillow, and float64 holds their sums exactly, so the order of summation does not matter. There is no gradient.
func (b *Builder) Resize(images Value, size int) Value {
	b = b.In("resize")
	batch := images.Shape[0]
	order := b.passes(images, size)
	rows := b.In("columns").channels(images, 3, 2, []int{batch, Unknown, 3, Unknown})
	rows = b.In("columns").exchange(b.scaled(rows), order)
	shape := b.node("Shape", []int{4}, nil, rows.Output)
	height, width := b.slice(shape, 0, 1, 2), b.slice(shape, 0, 3, 4) // [1] each
	flat := b.reshapeTo(rows, []int{Unknown, Unknown}, b.ints(Unknown), width)
	wide := b.In("columns").filtered("MatMul", flat, b.filters(width, size), map[string]any{"transpose_b": true}, []int{Unknown, size})

	columns := b.reshapeTo(b.scaled(wide), []int{batch, Unknown, 3 * size}, b.ints(Unknown), height, b.ints(3*size))
	done := b.In("rows").filtered("BatchMatMulV2", b.filters(height, size), columns, nil, []int{batch, size, 3 * size})
	square := b.In("rows").exchange(b.reshape(done, batch, size, 3, size), order)
	return b.cast(b.channels(square, 2, 3, []int{batch, size, size, 3}), tf.Uint8)
}

// passes is the permutation of the axes [B, H, 3, W] that puts last the side to scale first. It exchanges height and width in
// images that are more than 100 times as tall as wide and whose height shrinks; otherwise it is the identity.
func (b *Builder) passes(images Value, size int) Value {
	b = b.In("passes")
	shape := b.node("Shape", []int{4}, nil, images.Output)
	height, width := b.slice(shape, 0, 1, 2), b.slice(shape, 0, 2, 3)
	tall := b.binary("Greater", height, b.mul(width, b.ints(100)))
	shrinks := b.binary("Greater", height, b.ints(size))
	return b.choose(b.binary("LogicalAnd", tall, shrinks), b.ints(0, 3, 2, 1), b.ints(0, 1, 2, 3))
}

// exchange applies a permutation from passes to the axes [B, H, 3, W]. Applying it twice restores the order. For the identity
// TensorFlow copies nothing.
func (b *Builder) exchange(x, order Value) Value {
	shape := []int{x.Shape[0], x.Shape[3], 3, x.Shape[1]}
	return b.node("Transpose", shape, nil, x.Output, order.Output)
}

// scaled is x in float64, multiplied by 2^-resizeBits so that products with filters come out in pixel levels; a power of two
// is exact. The product also separates the cast from exchange: otherwise Grappler would swap the two and transpose bytes (see
// channels).
func (b *Builder) scaled(x Value) Value {
	return b.mul(b.cast(x, tf.Double), b.double(1.0/(1<<resizeBits)))
}

// channels moves the channel axis. A Transpose would do, but Grappler would make it run on bytes, for which TensorFlow logs an
// error about oneDNN.
func (b *Builder) channels(x Value, from, to int, shape []int) Value {
	split := b.operation("Unpack", map[string]any{"num": int64(3), "axis": int64(from)}, x.Output)
	planes := tf.OutputList{split.Output(0), split.Output(1), split.Output(2)}
	return b.node("Pack", shape, map[string]any{"axis": int64(to)}, planes)
}

// filtered is the product of scaled pixels and filters, rounded and clipped to 0..255.
func (b *Builder) filtered(product string, x, y Value, attrs map[string]any, shape []int) Value {
	level := b.unary("Floor", b.add(b.node(product, shape, attrs, x.Output, y.Output), b.double(0.5)))
	return b.binary("Minimum", b.binary("Maximum", level, b.double(0)), b.double(255))
}

// filters is the weight of every source position in every target position [size, from], in units of 2^-resizeBits. It follows
// the order of operations of precompute_coeffs and normalize_coeffs_8bpc in Resample.c. from is [1].
func (b *Builder) filters(from Value, size int) Value {
	b = b.In("filters")
	double := b.cast(from, tf.Double)
	scale := b.binary("RealDiv", double, b.double(float64(size)))
	widened := b.binary("Maximum", scale, b.double(1))
	center := b.mul(b.add(b.span(b.ints(size), size), b.double(0.5)), scale) // [size]
	positions := b.span(from, Unknown)                                       // [from]

	offset := b.add(b.sub(positions, b.reshape(center, size, 1)), b.double(0.5))
	weights := b.cubic(b.mul(offset, b.binary("RealDiv", b.double(1), widened)))
	sums := b.node("Sum", []int{size, 1}, map[string]any{"keep_dims": true}, weights.Output, b.ints(1).Output)
	exact := b.mul(b.binary("RealDiv", weights, sums), b.double(1<<resizeBits))
	// Round to nearest, halves away from zero; TensorFlow's Round takes halves to even.
	return b.mul(b.unary("Sign", exact), b.unary("Floor", b.add(b.unary("Abs", exact), b.double(0.5))))
}

// cubic is cubic.Kernel, element-wise.
func (b *Builder) cubic(x Value) Value {
	b = b.In("cubic")
	const a = -0.5
	x = b.unary("Abs", x)
	near := b.add(b.mul(b.mul(b.sub(b.mul(b.double(a+2), x), b.double(a+3)), x), x), b.double(1))
	far := b.mul(b.sub(b.mul(b.add(b.mul(b.sub(x, b.double(5)), x), b.double(8)), x), b.double(4)), b.double(a))
	return b.choose(b.binary("Less", x, b.double(1)), near, b.choose(b.binary("Less", x, b.double(2)), far, b.double(0)))
}

// choose is x where the condition holds, y elsewhere.
func (b *Builder) choose(condition, x, y Value) Value {
	return b.node("SelectV2", broadcast(condition.Shape, x.Shape), nil, condition.Output, x.Output, y.Output)
}

// span is 0, 1, ..., limit-1 in float64. limit is [1]; n is its value, or Unknown.
func (b *Builder) span(limit Value, n int) Value {
	end := b.reshape(limit) // a scalar
	zero, one := b.reshape(b.ints(0)), b.reshape(b.ints(1))
	return b.cast(b.node("Range", []int{n}, nil, zero.Output, end.Output, one.Output), tf.Double)
}

// reshapeTo is x in a shape whose dimensions are values [1].
func (b *Builder) reshapeTo(x Value, shape []int, dimensions ...Value) Value {
	return b.node("Reshape", shape, nil, x.Output, b.concat(0, dimensions...).Output)
}

// double is a float64 constant that must be exact in float32.
func (b *Builder) double(v float64) Value { return b.cast(b.scalar(v), tf.Double) }
