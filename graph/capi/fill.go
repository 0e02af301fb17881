package capi

/*
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"dtl-tf/graph/tensor"
)

// HoldFloats copies, reads or computes the elements of a tensor of float32 to C memory as float32, or rounded to bfloat16 as TensorFlow rounds.
// Free the result. Reading takes next to no memory besides that.
func HoldFloats(t tensor.Tensor, bfloat16 bool) (tensor.Tensor, error) {
	n := tensor.Size(t.Shape)
	if have := t.Float32(); !t.IsDeferred() && (have == nil && n > 0 || len(have) != n) {
		return tensor.Tensor{}, fmt.Errorf("shape %v wants %d elements of float32, data is %d of %T", t.Shape, n, len(have), t.Data)
	}
	if !bfloat16 {
		c := allocate(C.TF_FLOAT, t.Shape, 4*n)
		if err := t.Read(0, elements[float32](c, n)); err != nil {
			deleteTensors([]*C.TF_Tensor{c})
			return tensor.Tensor{}, err
		}
		return tensor.Tensor{Shape: t.Shape, Data: &Held{c}}, nil
	}
	c := allocate(C.TF_BFLOAT16, t.Shape, 2*n)
	if err := t.ReadRounded(elements[tensor.BFloat16](c, n)); err != nil {
		deleteTensors([]*C.TF_Tensor{c})
		return tensor.Tensor{}, err
	}
	return tensor.Tensor{Shape: t.Shape, Data: &Held{c}}, nil
}

// elements are the n elements of a tensor in C memory.
func elements[T any](c *C.TF_Tensor, n int) []T {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(C.TF_TensorData(c)), n)
}

// Floats is a held tensor of float32 or bfloat16 as a deferred one, which reads the elements where they are. It must not be used after [Free].
func Floats(t tensor.Tensor) tensor.Tensor {
	if h, ok := t.Data.(*Held); ok {
		t.Data = heldFloats{h}
	}
	return t
}

type heldFloats struct{ *Held }

func (h heldFloats) Read(at int, to []float32) error {
	c, err := h.tensor()
	if err != nil {
		return err
	}
	n := int(C.TF_TensorElementCount(c))
	switch dtype := C.TF_TensorType(c); dtype {
	case C.TF_FLOAT:
		copy(to, elements[float32](c, n)[at:])
	case C.TF_BFLOAT16:
		for i, v := range elements[tensor.BFloat16](c, n)[at : at+len(to)] {
			to[i] = v.Float32()
		}
	default:
		return fmt.Errorf("a tensor of TensorFlow type %d has no elements of float32", int(dtype))
	}
	return nil
}
