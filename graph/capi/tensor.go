package capi

/*
#include <stdlib.h>
#include <string.h>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"dtl-tf/graph/tensor"
)

// toTensorFlow copies t into a new tensor in C memory.
func toTensorFlow(t tensor.Tensor) (*C.TF_Tensor, error) {
	n := tensor.Size(t.Shape)
	switch data := t.Data.(type) {
	case []float32:
		return copyIn(C.TF_FLOAT, t.Shape, n, data)
	case []tensor.BFloat16:
		return copyIn(C.TF_BFLOAT16, t.Shape, n, data)
	case tensor.Rows[float32]:
		return copyInRows(C.TF_FLOAT, t.Shape, 4*n, data)
	case tensor.Rows[tensor.BFloat16]:
		return copyInRows(C.TF_BFLOAT16, t.Shape, 2*n, data)
	case []uint8:
		return copyIn(C.TF_UINT8, t.Shape, n, data)
	case []int32:
		return copyIn(C.TF_INT32, t.Shape, n, data)
	case []int64:
		return copyIn(C.TF_INT64, t.Shape, n, data)
	case []bool:
		return copyIn(C.TF_BOOL, t.Shape, n, data)
	case []string:
		return copyInStrings(t.Shape, n, data)
	default:
		return nil, fmt.Errorf("a tensor of %T can't be fed", t.Data)
	}
}

func allocate(dtype C.TF_DataType, shape []int, bytes int) *C.TF_Tensor {
	dims := make([]C.int64_t, len(shape))
	for i, d := range shape {
		dims[i] = C.int64_t(d)
	}
	return C.TF_AllocateTensor(dtype, first(dims), C.int(len(dims)), C.size_t(bytes))
}

func copyIn[T any](dtype C.TF_DataType, shape []int, n int, data []T) (*C.TF_Tensor, error) {
	if n != len(data) {
		return nil, fmt.Errorf("shape %v holds %d elements, data has %d", shape, n, len(data))
	}
	bytes := n * int(unsafe.Sizeof(*new(T)))
	c := allocate(dtype, shape, bytes)
	if n > 0 {
		C.memcpy(C.TF_TensorData(c), unsafe.Pointer(&data[0]), C.size_t(bytes))
	}
	return c, nil
}

// copyInRows copies the rows of a tensor one after the other into a new tensor in C memory. The bytes need no conversion, since
// TensorFlow supports little-endian processors only.
func copyInRows(dtype C.TF_DataType, shape []int, bytes int, rows [][]byte) (*C.TF_Tensor, error) {
	if len(shape) == 0 || shape[0] != len(rows) {
		return nil, fmt.Errorf("shape %v does not begin with the number of rows, %d", shape, len(rows))
	}
	for i, row := range rows {
		if len(row) != bytes/len(rows) {
			return nil, fmt.Errorf("row %d has %d bytes, shape %v wants %d", i, len(row), shape, bytes/len(rows))
		}
	}
	c := allocate(dtype, shape, bytes)
	to := C.TF_TensorData(c)
	for _, row := range rows {
		if len(row) == 0 {
			continue
		}
		C.memcpy(to, unsafe.Pointer(&row[0]), C.size_t(len(row)))
		to = unsafe.Add(to, len(row))
	}
	return c, nil
}

func copyInStrings(shape []int, n int, data []string) (*C.TF_Tensor, error) {
	if n != len(data) {
		return nil, fmt.Errorf("shape %v holds %d elements, data has %d", shape, n, len(data))
	}
	c := allocate(C.TF_STRING, shape, n*int(unsafe.Sizeof(C.TF_TString{})))
	cells := stringCells(c)
	for i, s := range data {
		C.TF_TString_Init(&cells[i])
		if len(s) > 0 {
			C.TF_TString_Copy(&cells[i], (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s)))
		}
	}
	return c, nil
}

func stringCells(c *C.TF_Tensor) []C.TF_TString {
	return unsafe.Slice((*C.TF_TString)(C.TF_TensorData(c)), int(C.TF_TensorElementCount(c)))
}

func shapeOf(c *C.TF_Tensor) []int {
	shape := make([]int, int(C.TF_NumDims(c)))
	for i := range shape {
		shape[i] = int(C.TF_Dim(c, C.int(i)))
	}
	return shape
}

// fromTensorFlow copies a fetched tensor into Go memory.
func fromTensorFlow(c *C.TF_Tensor) (tensor.Tensor, error) {
	shape := shapeOf(c)
	n := tensor.Size(shape)
	switch dtype := C.TF_TensorType(c); dtype {
	case C.TF_FLOAT:
		return copyOut[float32](c, shape, n), nil
	case C.TF_UINT8:
		return copyOut[uint8](c, shape, n), nil
	case C.TF_INT32:
		return copyOut[int32](c, shape, n), nil
	case C.TF_INT64:
		return copyOut[int64](c, shape, n), nil
	case C.TF_BOOL:
		return copyOut[bool](c, shape, n), nil
	default:
		return tensor.Tensor{}, fmt.Errorf("TensorFlow type %d can't be fetched", int(dtype))
	}
}

func copyOut[T tensor.Element](c *C.TF_Tensor, shape []int, n int) tensor.Tensor {
	data := make([]T, n)
	if n > 0 {
		copy(data, unsafe.Slice((*T)(C.TF_TensorData(c)), n))
	}
	return tensor.Tensor{Shape: shape, Data: data}
}
