package augment

// Targets appends the soft targets [B, classes] of a batch to dst: the smoothed label of each image, mixed as its pixels are with that
// of its partner (mixup_target in timm's mixup.py).
func (p Policy) Targets(dst []float32, labels []int32, lambda float64, classes int) []float32 {
	off := p.LabelSmoothing / float64(classes)
	on := 1 - p.LabelSmoothing + off
	first := len(dst)
	for range len(labels) * classes {
		dst = append(dst, float32(off))
	}
	for i, label := range labels {
		partner := labels[len(labels)-1-i]
		t := dst[first+i*classes:][:classes]
		if label == partner {
			t[label] = float32(on)
			continue
		}
		t[label] = float32(on*lambda + off*(1-lambda))
		t[partner] = float32(off*lambda + on*(1-lambda))
	}
	return dst
}
