package graph

import (
	"fmt"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"

	"dtl-tf/graph/capi"
)

// Precision is the element type of matrix products.
type Precision string

const (
	// FP32 computes everything in float32.
	FP32 Precision = "fp32"
	// BF16 stores frozen kernels in bfloat16 and computes matrix products and their results in it. Residual stream,
	// LayerNorm, softmax, GELU, loss, trained variables and the optimizer stay in float32.
	BF16 Precision = "bf16"
	// FP16 is the same with float16, for GPUs that lack bfloat16 (before NVIDIA's Ampere). It has more digits and a smaller
	// range, so gradients need LossScale.
	FP16 Precision = "fp16"
)

// Precisions lists the names that ParsePrecision accepts.
func Precisions() []string { return []string{string(FP32), string(BF16), string(FP16)} }

// ParsePrecision checks the name of a precision.
func ParsePrecision(name string) (Precision, error) {
	switch p := Precision(name); p {
	case FP32, BF16, FP16:
		return p, nil
	}
	return "", fmt.Errorf("unknown precision %q: use one of %s", name, strings.Join(Precisions(), ", "))
}

// DataType is the TensorFlow type.
func (p Precision) DataType() tf.DataType {
	switch p {
	case BF16:
		return tf.Bfloat16
	case FP16:
		return tf.Half
	}
	return tf.Float
}

// Bytes is the size of one element.
func (p Precision) Bytes() int {
	if p == BF16 || p == FP16 {
		return 2
	}
	return 4
}

// LossScale multiplies the gradient of the loss before the backward pass and divides the gradients of the weights after it,
// so that small gradients do not underflow (Micikevicius et al. 2018, "Mixed Precision Training", section 3.2). It is a power
// of two, which changes no digits.
func (p Precision) LossScale() float64 {
	if p == FP16 {
		return 1024
	}
	return 1
}

// Use sets the precision of everything built from now on.
func (b *Builder) Use(p Precision) *Builder {
	b.precision = p
	return b
}

// narrow casts x to the Builder's precision, that of matrix products.
func (b *Builder) narrow(x Value) Value { return b.cast(x, b.precision.DataType()) }

// widen casts x to float32.
func (b *Builder) widen(x Value) Value { return b.cast(x, tf.Float) }

// Float is x as float32, for values that leave the graph, such as logits. Saves nothing.
func (b *Builder) Float(x Value) Value {
	if x.DataType() == tf.Float {
		return x
	}
	return b.differentiable(b.In("float").widen(x), []Value{x}, func(_ *Gate, dy Value) []Value { return []Value{dy} })
}

// same casts y to the type of x, or x to the type of y if x is a scalar.
func (b *Builder) same(x, y Value) (Value, Value) {
	if x.DataType() == y.DataType() {
		return x, y
	}
	if len(x.Shape) == 0 {
		return b.cast(x, y.DataType()), y
	}
	return x, b.cast(y, x.DataType())
}

// Usable returns an error if matrix products of this precision would abort the process.
func (p Precision) Usable() error {
	if o := capi.FindOneDNN(); o.WouldAbort(p == BF16, p == FP16) {
		return fmt.Errorf("precision %s needs more than the environment's limit ONEDNN_MAX_CPU_ISA=%s leaves oneDNN: unset it, or set TF_ENABLE_ONEDNN_OPTS=0 too", p, o.Limit)
	}
	return nil
}
