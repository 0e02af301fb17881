package graph

import (
	"math"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/tensor"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019). Like torch.optim.AdamW it adds
// eps to the square root of the bias-corrected second moment.
type AdamW struct {
	Beta1, Beta2, Epsilon float64
	WeightDecay           float64

	// State holds both moments of every variable, named "adam_m/NAME" and "adam_v/NAME".
	State *Variables

	rate, decay, epsilon Value
}

// NewAdamW declares the optimizer's inputs, with PyTorch's defaults: betas 0.9 and 0.999, epsilon 1e-8.
func NewAdamW(b *Builder, weightDecay float64) *AdamW {
	b = b.In("adamw")
	return &AdamW{
		Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: weightDecay, State: NewVariables(),
		rate:    b.Placeholder("rate", tf.Float),
		decay:   b.Placeholder("decay", tf.Float),
		epsilon: b.Placeholder("epsilon", tf.Float),
	}
}

// Update adds the node that applies one step to v. Weight decay applies only if decays is set.
func (o *AdamW) Update(b *Builder, v *Variable, gradient Value, decays bool) *tf.Operation {
	b = b.In("adamw/" + v.Name)
	m := o.State.Declare(b, "adam_m/"+v.Name, false, v.Shape...)
	s := o.State.Declare(b, "adam_v/"+v.Name, false, v.Shape...)
	// The moments get handles that wait for the gradient. TensorFlow may run a node without inputs last. The update would then wait for
	// that node, and the gradient would stay alive until the end of the step.
	ready := b.After(gradient.Op)
	moment, square := m.handleAgain(ready), s.handleAgain(ready)
	if decays && o.WeightDecay != 0 {
		shrink := b.After(gradient.Op).mul(Value{Output: v.read, Shape: v.Shape}, o.decay)
		b = b.After(b.operation("AssignSubVariableOp", map[string]any{"dtype": tf.Float}, v.handle, shrink.Output))
	}
	// Feeds folds the bias corrections into rate and epsilon, so the op's own powers of beta are zero.
	return b.operation("ResourceApplyAdam", map[string]any{"use_locking": true}, v.handle, moment, square,
		b.scalar(0).Output, b.scalar(0).Output, o.rate.Output, b.scalar(o.Beta1).Output, b.scalar(o.Beta2).Output,
		o.epsilon.Output, gradient.Output)
}

// Feeds returns the inputs for step t = 1, 2, ... at learning rate lr. It computes the bias corrections itself, in double
// precision, because TensorFlow's op would add epsilon to the uncorrected root.
func (o *AdamW) Feeds(lr float64, t int) []Feed {
	root := math.Sqrt(1 - math.Pow(o.Beta2, float64(t)))
	value := func(v float64) tensor.Tensor { return tensor.Scalar(float32(v)) }
	return []Feed{
		{Output: o.rate.Output, Value: value(lr * root / (1 - math.Pow(o.Beta1, float64(t))))},
		{Output: o.decay.Output, Value: value(lr * o.WeightDecay)},
		{Output: o.epsilon.Output, Value: value(o.Epsilon * root)},
	}
}
