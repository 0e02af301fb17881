package graph

import tf "github.com/wamuir/graft/tensorflow"

// CrossEntropy is the mean cross-entropy of logits [B, classes] against labels [B] (int32), a scalar. Saves
// d(loss)/d(logits), which TensorFlow computes together with the loss.
func (b *Builder) CrossEntropy(logits, labels Value) Value {
	b = b.In("crossentropy")
	op := b.operation("SparseSoftmaxCrossEntropyWithLogits", nil, b.widen(logits).Output, labels.Output)
	each := Value{Output: op.Output(0), Shape: labels.Shape}
	slope := Value{Output: op.Output(1), Shape: logits.Shape}
	return b.meanLoss(logits, labels, each, slope)
}

// SoftCrossEntropy is CrossEntropy against soft targets [B, classes] (float32), the probabilities of each label.
func (b *Builder) SoftCrossEntropy(logits, targets Value) Value {
	b = b.In("crossentropy")
	op := b.operation("SoftmaxCrossEntropyWithLogits", nil, b.widen(logits).Output, targets.Output)
	each := Value{Output: op.Output(0), Shape: targets.Shape[:1]}
	return b.meanLoss(logits, each, each, Value{Output: op.Output(1), Shape: logits.Shape})
}

// meanLoss is the mean of the loss of each sample, whose derivatives by the logits are slope. samples has an element for each.
func (b *Builder) meanLoss(logits, samples, each, slope Value) Value {
	loss := b.reduce("Mean", each, false, 0)
	return b.differentiable(loss, []Value{logits}, func(g *Gate, dy Value) []Value {
		size := g.cast(g.node("Size", nil, nil, samples.Output), tf.Float)
		return []Value{g.mul(slope, g.node("RealDiv", nil, nil, dy.Output, size.Output))}
	})
}

// Slope is the gradient of a loss with respect to itself, 1, times a scale (see Precision.LossScale).
func (b *Builder) Slope(scale float64) Value { return b.times(b.scalar(1), scale) }

// Probabilities is the softmax of logits [B, classes]. It has no gradient.
func (b *Builder) Probabilities(logits Value) Value {
	return b.In("probabilities").unary("Softmax", b.widen(logits))
}
