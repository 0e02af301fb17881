package capi

/*
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"errors"
	"unsafe"

	"dtl-tf/graph/tensor"
)

// Held is the data of a tensor that stays in C memory from one run to the next. A tensor of Held data can be fed any number of
// times, and no run copies it: TensorFlow reads it where it is, and writes to no tensor that someone holds. The shape of such a
// tensor must not be changed.
type Held struct{ c *C.TF_Tensor }

// Hold copies a tensor to C memory. Free the result.
func Hold(t tensor.Tensor) (tensor.Tensor, error) {
	c, err := toTensorFlow(t)
	if err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.Tensor{Shape: shapeOf(c), Data: &Held{c}}, nil
}

// Free frees the held data of tensors. It leaves other tensors alone, and freeing again does nothing. No run may be using them.
func Free(tensors ...tensor.Tensor) {
	for _, t := range tensors {
		if h, ok := t.Data.(*Held); ok && h.c != nil {
			deleteTensors([]*C.TF_Tensor{h.c})
			h.c = nil
		}
	}
}

func (h *Held) tensor() (*C.TF_Tensor, error) {
	if h.c == nil {
		return nil, errors.New("the tensor has been freed")
	}
	return h.c, nil
}

// Bytes returns the held values of a tensor of uint8 without copying them. They must not be changed, nor used after [Free].
func (h *Held) Bytes() ([]uint8, error) {
	c, err := h.tensor()
	if err != nil {
		return nil, err
	}
	if C.TF_TensorType(c) != C.TF_UINT8 {
		return nil, errors.New("the tensor is not of uint8")
	}
	return unsafe.Slice((*uint8)(C.TF_TensorData(c)), int(C.TF_TensorByteSize(c))), nil
}
