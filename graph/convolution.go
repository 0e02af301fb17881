package graph

// DepthwiseConv is a depth-wise convolution of x [B, H, W, d] with one k x k filter per channel, w
// [d, 1, k, k] (PyTorch's layout), stride 1, padding "same": (k-1)/2 zeros left and top, k/2 right
// and bottom. As in PyTorch it is a cross-correlation. Saves x if w trains.
func (b *Builder) DepthwiseConv(x, w Value) Value {
	b = b.In("depthwise")
	wide := b.widen(x) // TensorFlow has no depth-wise convolution in bfloat16 on a CPU
	d, k := w.Shape[0], w.Shape[2]
	attrs := map[string]any{"strides": []int64{1, 1, 1, 1}, "padding": "SAME"}
	filter := b.reshape(b.transpose(b.reshape(w, d, k*k), 1, 0), k, k, d, 1) // [k, k, d, 1]
	out := b.node("DepthwiseConv2dNative", x.Shape, attrs, wide.Output, filter.Output)
	return b.differentiable(out, []Value{x, w}, func(g *Gate, dy Value) []Value {
		return gradients(
			part{x, func() Value {
				size := g.node("Shape", []int{4}, nil, dy.Output)
				return g.node("DepthwiseConv2dNativeBackpropInput", x.Shape, attrs, size.Output, filter.Output, dy.Output)
			}},
			part{w, func() Value {
				df := g.node("DepthwiseConv2dNativeBackpropFilter", filter.Shape, attrs,
					g.widen(g.Saved(x)).Output, g.ints(k, k, d, 1).Output, dy.Output)
				return g.reshape(g.transpose(g.reshape(df, k*k, d), 1, 0), w.Shape...)
			}},
		)
	})
}
