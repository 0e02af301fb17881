package graph

import (
	"slices"

	tf "github.com/wamuir/graft/tensorflow"
)

// CrossEntropy is the mean cross-entropy of logits [B, classes] against labels [B] (int32), a scalar. weights [B] multiply the losses
// of the samples, unless they are the zero Value. Saves d(loss)/d(logits), which TensorFlow computes together with the loss.
func (b *Builder) CrossEntropy(logits, labels, weights Value) Value {
	b = b.In("crossentropy")
	op := b.operation("SparseSoftmaxCrossEntropyWithLogits", nil, b.widen(logits).Output, labels.Output)
	each := Value{Output: op.Output(0), Shape: labels.Shape}
	slope := Value{Output: op.Output(1), Shape: logits.Shape}
	return b.meanLoss(logits, labels, each, slope, weights)
}

// SoftCrossEntropy is CrossEntropy against soft targets [B, classes] (float32), the probabilities of each label.
func (b *Builder) SoftCrossEntropy(logits, targets, weights Value) Value {
	b = b.In("crossentropy")
	op := b.operation("SoftmaxCrossEntropyWithLogits", nil, b.widen(logits).Output, targets.Output)
	each := Value{Output: op.Output(0), Shape: targets.Shape[:1]}
	return b.meanLoss(logits, each, each, Value{Output: op.Output(1), Shape: logits.Shape}, weights)
}

// SigmoidCrossEntropy is the mean over all elements of the cross-entropy of sigmoid(logits) [B, classes] against targets [B, classes]
// (float32) in [0, 1], as torch.nn.BCEWithLogitsLoss has it. Saves d(loss)/d(logits).
func (b *Builder) SigmoidCrossEntropy(logits, targets Value) Value {
	b = b.In("crossentropy")
	x := b.widen(logits)
	// -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)), without cancellation for large |x|.
	each := b.add(b.sub(b.unary("Relu", x), b.mul(x, targets)), b.unary("Softplus", b.unary("Neg", b.unary("Abs", x))))
	slope := b.sub(b.unary("Sigmoid", x), targets)
	return b.meanLoss(logits, each, each, slope, Value{})
}

// meanLoss is the mean of the losses each, whose derivatives by the logits are slope. samples has an element for each. weights [B],
// unless they are the zero Value, multiply the losses [B] and are no divisor.
func (b *Builder) meanLoss(logits, samples, each, slope, weights Value) Value {
	if weights.Defined() {
		each = b.mul(each, weights)
		slope = b.mul(slope, b.node("ExpandDims", append(slices.Clone(weights.Shape), 1), nil, weights.Output, b.ints(1).Output))
	}
	axes := []int{0, 1}[:len(each.Shape)]
	loss := b.reduce("Mean", each, false, axes...)
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

// Sigmoids is the sigmoid of each logit [B, classes], the probabilities of classes that do not exclude each other. It has no gradient.
func (b *Builder) Sigmoids(logits Value) Value {
	return b.In("sigmoids").unary("Sigmoid", b.widen(logits))
}
