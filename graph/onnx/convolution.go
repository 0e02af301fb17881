package onnx

import (
	"slices"

	"dtl-tf/graph/tensor"
)

// depthwise is a convolution with one group for each channel. TensorFlow has the channels last, ONNX has them after the batch.
func depthwise(o op) {
	filter, ok := o.values[o.arg(1)]
	strides := o.def.Attr["strides"].GetList().GetI()
	dilations := o.def.Attr["dilations"].GetList().GetI()
	format := string(o.def.Attr["data_format"].GetS())
	notOne := func(n int64) bool { return n != 1 }
	switch {
	case !ok || filter.Float32() == nil:
		o.fail("the filter depends on the images")
	case filter.Shape[3] != 1:
		o.fail("it has several filters for each channel")
	case slices.ContainsFunc(strides, notOne) || slices.ContainsFunc(dilations, notOne) || string(o.def.Attr["padding"].GetS()) != "SAME" || format != "" && format != "NHWC":
		o.fail("only stride and dilation 1, padding SAME and channels last are translated")
	}
	h, w, d := filter.Shape[0], filter.Shape[1], filter.Shape[2]
	byChannel := tensor.Transpose(filter, h*w, d)
	byChannel.Shape = []int{d, 1, h, w}
	// SAME puts the larger half of the padding behind.
	pads := []int64{int64(h-1) / 2, int64(w-1) / 2, int64(h) / 2, int64(w) / 2}
	first := o.permute(o.part("channels_first"), o.in(0), []int64{0, 3, 1, 2})
	out := o.add(o.part("convolution"), "Conv", []string{first, o.store(o.part("filter"), byChannel)},
		Attribute{"group", int64(d)}, Attribute{"kernel_shape", []int64{int64(h), int64(w)}}, Attribute{"pads", pads})
	o.is(o.permute(o.def.Name, out, []int64{0, 2, 3, 1}))
}
