package capi

/*
#include <string.h>
#include "tensorflow/c/c_api.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

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
